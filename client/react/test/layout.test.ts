import type { ChatMessage, MessageList } from '@callboard/client';
import { describe, expect, test } from 'vitest';
import { firstNewIndex, oldestNewIndex, placeOf } from '../src/layout.js';

/** Messages as "sender hour:minute" of one day, or with a day in front: "2 bob 10:00". */
function list(lines: string[], rest: Partial<MessageList> = {}): MessageList {
  const items = lines.map((line, index): ChatMessage => {
    const [, day = '1', senderId = '', hour, minute] = /^(?:(\d) )?(\w+) (\d+):(\d+)$/.exec(line) ?? [];
    return {
      key: `${index}`,
      id: `${index}`,
      conversationId: 'c1',
      seq: index + 2,
      senderId,
      senderName: null,
      content: line,
      createdAt: new Date(2026, 2, Number(day), Number(hour), Number(minute)).toISOString(),
      own: senderId === 'alice',
      status: 'sent',
    };
  });
  return { items, loaded: true, loading: false, hasOlder: false, ...rest };
}

const places = (messages: MessageList) =>
  messages.items.map((_, index) => {
    const { startsDay, startsNew, startsGroup, endsGroup } = placeOf(messages, index, firstNewIndex(messages));
    return `${startsDay ? 'day ' : ''}${startsNew ? 'new ' : ''}${startsGroup ? '(' : ''}${endsGroup ? ')' : ''}`;
  });

describe('messages are grouped', () => {
  test('by sender', () => {
    expect(places(list(['bob 10:00', 'bob 10:01', 'bob 10:02', 'alice 10:02']))).toEqual(['day (', '', ')', '()']);
  });

  test('for as long as little time lies between them', () => {
    expect(places(list(['bob 10:00', 'bob 10:04', 'bob 10:09']))).toEqual(['day (', ')', '()']);
  });

  test('within a day', () => {
    expect(places(list(['bob 23:59', '2 bob 0:00']))).toEqual(['day ()', 'day ()']);
  });

  test('and apart from what is new', () => {
    const messages = list(['bob 10:00', 'bob 10:01', 'bob 10:02'], { firstUnreadSeq: 3 });
    expect(places(messages)).toEqual(['day ()', 'new (', ')']);
  });
});

describe('"new messages"', () => {
  test('begins with a message of somebody else', () => {
    expect(firstNewIndex(list(['bob 10:00', 'alice 10:01', 'bob 10:02'], { firstUnreadSeq: 3 }))).toBe(2);
  });

  test('is nowhere if all is read, or if its beginning is not loaded', () => {
    expect(firstNewIndex(list(['bob 10:00']))).toBe(-1);
    expect(firstNewIndex(list(['bob 10:00'], { firstUnreadSeq: 9 }))).toBe(-1);
    const further = list(['bob 10:00'], { firstUnreadSeq: 1, hasOlder: true });
    expect(firstNewIndex(further)).toBe(-1);
    expect(oldestNewIndex(further)).toBe(0);
  });
});

test('the first message has no heading while there are older ones', () => {
  expect(places(list(['bob 10:00', 'bob 10:01'], { hasOlder: true }))).toEqual(['', ')']);
});
