import type { ConversationState } from '@callboard/client';
import { describe, expect, test } from 'vitest';
import { dayLabel, HUES, hueOf, initialsOf, nameOf, titleOf, whenLabel } from '../src/format.js';
import { defaultLabels } from '../src/labels.js';

const labels = { ...defaultLabels, locale: 'en-GB' };

function conversation(names: Record<string, string | null>, title: string | null = null): ConversationState {
  const participants = Object.entries(names).map(([userId, name]) => ({
    userId,
    name,
    joinedAt: '2026-01-01T00:00:00.000Z',
    readSeq: 0,
    deliveredSeq: 0,
  }));
  return {
    id: 'c1',
    kind: 'group',
    title,
    createdBy: 'alice',
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    lastSeq: 1,
    participantCount: participants.length,
    participants,
    lastMessage: null,
    unreadCount: 0,
  };
}

test('somebody without a name is called by their id', () => {
  expect(nameOf({ userId: 'bob', name: null })).toBe('bob');
  expect(nameOf({ userId: 'bob', name: 'Bob' })).toBe('Bob');
});

describe('the title of a conversation', () => {
  test('is its own if it has one', () => {
    expect(titleOf(conversation({ alice: 'Alice', bob: 'Bob' }, 'Casting'), 'alice')).toBe('Casting');
  });

  test('or else names the others', () => {
    expect(titleOf(conversation({ alice: 'Alice', bob: 'Bob' }), 'alice')).toBe('Bob');
    expect(titleOf(conversation({ alice: 'Alice', bob: null, carol: 'Carol' }), 'alice')).toBe('bob, Carol');
    expect(titleOf(conversation({ alice: 'Alice', b: 'B', c: 'C', d: 'D', e: 'E', f: 'F' }), 'alice')).toBe(
      'B, C, D +2',
    );
  });

  test('or oneself, where one is alone', () => {
    expect(titleOf(conversation({ alice: 'Alice' }), 'alice')).toBe('Alice');
  });
});

test('initials are of the first and the last word', () => {
  expect(initialsOf('alice')).toBe('A');
  expect(initialsOf('Stage crew')).toBe('SC');
  expect(initialsOf('A b c')).toBe('AC');
  expect(initialsOf('Émile')).toBe('É');
  expect(initialsOf('E\u0301mile')).toBe('E');
  expect(initialsOf('हिन्दी')).toBe('ह');
  expect(initialsOf('👋')).toBe('?');
});

test('a colour stays with its id, and colours are spread', () => {
  expect(hueOf('alice')).toBe(hueOf('alice'));
  const counts = Array<number>(HUES).fill(0);
  for (let n = 0; n < 800; n++) {
    const hue = hueOf(`user-${n}`);
    counts[hue] = (counts[hue] ?? 0) + 1;
  }
  expect(Math.min(...counts)).toBeGreaterThan(50);
});

test('days and times are as short as they can be', () => {
  const now = new Date(2026, 2, 18, 12);
  expect(dayLabel(new Date(2026, 2, 18, 1), labels, now)).toBe('Today');
  expect(dayLabel(new Date(2026, 2, 17, 23, 59), labels, now)).toBe('Yesterday');
  expect(dayLabel(new Date(2026, 2, 2), labels, now)).toMatch(/Monday,? 2 March/);
  expect(dayLabel(new Date(2025, 2, 2), labels, now)).toBe('2 March 2025');
  expect(whenLabel(new Date(2026, 2, 18, 9, 5), labels, now)).toBe('09:05');
  expect(whenLabel(new Date(2026, 2, 17), labels, now)).toBe('Yesterday');
  expect(whenLabel(new Date(2026, 2, 13), labels, now)).toBe('Fri');
  expect(whenLabel(new Date(2026, 1, 13), labels, now)).toBe('13 Feb');
  expect(whenLabel(new Date(2025, 1, 13), labels, now)).toBe('13 Feb 2025');
});
