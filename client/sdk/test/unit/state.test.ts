import { expect, test } from 'vitest';
import { CallboardError } from '../../src/errors.js';
import type { OutboxItem } from '../../src/outbox/storage.js';
import * as change from '../../src/state/state.js';
import { conversationList, messageList, unreadTotal } from '../../src/state/views.js';
import { conversation, ID, message, newMessage } from '../support/core.js';

const start = () => change.conversationsArrived(change.initial('alice', 'Alice'), [conversation(1)]);
const known = (state: change.State) => state.conversations.get(ID);
const read = (readBy: string, readSeq: number) => ({ conversationId: ID, readBy, readSeq });

const item = (order: number, more: Partial<OutboxItem> = {}): OutboxItem => ({
  clientMessageId: `c-${order}`,
  conversationId: ID,
  order,
  content: `queued ${order}`,
  createdAt: '2026-11-23T13:41:07.250Z',
  status: 'queued',
  ...more,
});

test('messages of others are unread until they are read', () => {
  let state = [newMessage(2), newMessage(3, { senderId: 'alice' }), newMessage(4)].reduce(change.eventArrived, start());
  expect(known(state)).toMatchObject({ unreadCount: 2, lastSeq: 4, lastMessage: { seq: 4 } });
  expect(unreadTotal(state)).toBe(2);
  state = change.readArrived(state, read('alice', 4));
  expect(unreadTotal(state)).toBe(0);
  // What the state includes already changes nothing when its event comes after it.
  expect(change.eventArrived(state, newMessage(4))).toBe(state);
});

test('reading in part is counted from the loaded messages, or else taken from the server', () => {
  let state = [newMessage(2), newMessage(3), newMessage(4)].reduce(change.eventArrived, start());
  expect(unreadTotal(change.readArrived(state, read('alice', 2)))).toBe(3);
  expect(unreadTotal(change.readArrived(state, read('alice', 2), 2))).toBe(2);
  state = change.historyArrived(state, ID, [message(4), message(3), message(2)], false);
  expect(unreadTotal(change.readArrived(state, read('alice', 2)))).toBe(2);
  // The server's count is older than the message that came meanwhile.
  expect(unreadTotal(change.readArrived(state, read('alice', 3), 0))).toBe(1);
});

test('cursors never go back, and reading implies delivery', () => {
  let state = change.readArrived(start(), read('bob', 5));
  state = change.deliveryArrived(state, { conversationId: ID, deliveredTo: 'bob', deliveredSeq: 3 });
  state = change.readArrived(state, read('bob', 4));
  expect(known(state)?.participants[1]).toMatchObject({ readSeq: 5, deliveredSeq: 5 });
});

test('an answer that is older than what is known changes nothing but receipts', () => {
  let state = [newMessage(2), newMessage(3)].reduce(change.eventArrived, start());
  const late = conversation(2, { title: 'Before', unreadCount: 1 });
  late.participants[1] = { userId: 'bob', name: 'Bob', joinedAt: '', readSeq: 1, deliveredSeq: 2 };
  state = change.conversationsArrived(state, [late]);
  expect(known(state)).toMatchObject({ title: 'Casting', unreadCount: 2, lastSeq: 3 });
  expect(known(state)?.participants[1]).toMatchObject({ readSeq: 1, deliveredSeq: 2 });
});

test('an answer from before one has read does not bring the unread back', () => {
  let state = change.eventArrived(start(), newMessage(2));
  state = change.readArrived(state, read('alice', 2));
  state = change.conversationsArrived(state, [conversation(2, { unreadCount: 1 })]);
  expect(unreadTotal(state)).toBe(0);
});

test('an event about a conversation keeps what it does not tell', () => {
  let state = change.eventArrived(start(), newMessage(2));
  state = change.readArrived(state, read('bob', 2));
  const { unreadCount: _, lastMessage: __, ...told } = conversation(3, { title: 'Rehearsal', participantCount: 3 });
  const joinedAt = '2026-11-23T13:42:00.000Z';
  const participants = ['alice', 'bob', 'carol'].map((userId) => ({ userId, name: null, joinedAt }));
  const data = { conversationId: ID, seq: 3, conversation: { ...told, participants } };
  state = change.eventArrived(state, { seq: 3, event: 'conversation-updated', data });
  expect(known(state)).toMatchObject({ title: 'Rehearsal', unreadCount: 1, lastMessage: { seq: 2 }, lastSeq: 3 });
  expect(known(state)?.participants.map(({ readSeq }) => readSeq)).toEqual([0, 2, 2]);
});

test('messages are merged by their numbers', () => {
  let state = change.historyArrived(start(), ID, [message(9), message(8)], true);
  state = change.messagesArrived(state, ID, [message(10), message(9)]);
  state = change.historyArrived(state, ID, [message(7), message(5)], false);
  const { items, hasOlder } = messageList(ID)(state);
  expect(items.map(({ seq }) => seq)).toEqual([5, 7, 8, 9, 10]);
  expect(hasOlder).toBe(false);
});

test('without a page, messages are not kept', () => {
  expect(change.eventArrived(start(), newMessage(2)).pages.size).toBe(0);
});

test('a message keeps its key from the queue to the conversation, and is never there twice', () => {
  const view = messageList(ID);
  let state = change.historyArrived(start(), ID, [], false);
  state = change.outboxPut(state, item(1));
  state = change.outboxPut(state, item(2));
  expect(view(state).items.map(({ key, status }) => [key, status])).toEqual([
    ['c-1', 'queued'],
    ['c-2', 'queued'],
  ]);
  const arrived = message(2, { senderId: 'alice', clientMessageId: 'c-1' });
  // The event comes first, then the answer to the request; or the other way round.
  for (const order of [0, 1]) {
    let next = state;
    for (const step of [0, 1]) {
      next =
        step === order
          ? change.messagesArrived(next, ID, [arrived])
          : change.outboxDropped(next, item(1), order === 0 ? arrived : undefined);
    }
    expect(view(next).items.map(({ key, status }) => [key, status])).toEqual([
      ['c-1', 'sent'],
      ['c-2', 'queued'],
    ]);
  }
});

test('a message of somebody else with the same client id is another message', () => {
  let state = change.historyArrived(start(), ID, [message(2, { clientMessageId: 'c-1' })], false);
  state = change.outboxPut(state, item(1));
  expect(messageList(ID)(state).items.map(({ key }) => key)).toEqual(['m-2', 'c-1']);
});

test('the queue is in order, also when a message is put back', () => {
  let state = [item(3), item(1), item(2)].reduce(change.outboxPut, start());
  state = change.outboxPut(state, item(1, { status: 'failed', error: { code: 'forbidden', message: 'No.' } }));
  const { items } = messageList(ID)(state);
  expect(items.map(({ content, status }) => [content, status])).toEqual([
    ['queued 1', 'failed'],
    ['queued 2', 'queued'],
    ['queued 3', 'queued'],
  ]);
  expect(items[0]?.error).toBeInstanceOf(CallboardError);
});

test('an own message is delivered, and read, when it is by everybody else', () => {
  const participants = ['alice', 'bob', 'carol'].map((userId) => ({ userId, name: null, joinedAt: '' }));
  let state = change.conversationsArrived(change.initial('alice', null), [
    conversation(1, {
      participants: participants.map((one) => ({ ...one, readSeq: 0, deliveredSeq: 0 })),
      participantCount: 3,
    }),
  ]);
  state = change.historyArrived(state, ID, [message(2, { senderId: 'alice' }), message(1)], false);
  const view = messageList(ID);
  const statuses = () => view(state).items.map(({ status }) => status);
  const others = view(state).items[0];
  expect(statuses()).toEqual(['sent', 'sent']);
  state = change.readArrived(state, read('bob', 2));
  expect(statuses()).toEqual(['sent', 'sent']);
  state = change.deliveryArrived(state, { conversationId: ID, deliveredTo: 'carol', deliveredSeq: 2 });
  expect(statuses()).toEqual(['sent', 'delivered']);
  state = change.readArrived(state, read('carol', 2));
  expect(statuses()).toEqual(['sent', 'read']);
  expect(view(state).items[0]).toBe(others);
});

test('what was read stays read when its reader leaves, or somebody joins, or more than one can be told of', () => {
  const joinedAt = '';
  const of = (names: string[], participantCount = names.length) => {
    const cursors = { readSeq: 0, deliveredSeq: 0 };
    const participants = names.map((userId) => ({ userId, name: null, joinedAt, ...cursors }));
    return conversation(3, { participants, participantCount });
  };
  let state = change.readArrived(start(), read('bob', 2));
  state = change.historyArrived(state, ID, [message(2, { senderId: 'alice' })], false);
  const view = messageList(ID);
  for (const next of [of(['alice']), of(['alice', 'carol']), of(['alice', 'carol'], 101)]) {
    state = change.conversationsArrived(state, [next]);
    expect(view(state).items[0]?.status).toBe('read');
  }
  state = change.messagesArrived(state, ID, [message(4, { senderId: 'alice' })]);
  expect(view(state).items[1]?.status).toBe('sent');
});

test('"new messages" begins at at the first of others that was unread at opening', () => {
  let state = change.readArrived(start(), read('alice', 2));
  state = change.historyArrived(
    state,
    ID,
    [4, 5].map((seq) => message(seq)).concat(message(3, { senderId: 'alice' })),
    false,
  );
  const first = (now: change.State) => messageList(ID)(change.unreadMarked(now, ID)).firstUnreadSeq;
  expect(first(state)).toBe(4);
  expect(first(change.readArrived(state, read('alice', 5)))).toBeUndefined();
});

test('in large conversations, where one’s place is not known, "new messages" begins by how many are unread', () => {
  const participants = Array.from({ length: 100 }, (_, index) => ({ userId: `u-${index}`, name: null, joinedAt: '' }));
  const large = (unreadCount: number) => {
    const news = [conversation(6, { participants, participantCount: 101, unreadCount })];
    const state = change.conversationsArrived(change.initial('alice', null), news);
    const items = [6, 5, 4, 3].map((seq) => message(seq, { senderId: seq === 5 ? 'alice' : 'bob' }));
    return messageList(ID)(change.unreadMarked(change.historyArrived(state, ID, items, true), ID)).firstUnreadSeq;
  };
  expect([0, 1, 2, 3, 9].map(large)).toEqual([undefined, 6, 4, 3, 3]);
});

test('views answer the same reference until something in them has changed', () => {
  const list = conversationList();
  const messages = messageList(ID);
  const state = change.historyArrived(start(), ID, [message(2)], false);
  const shown = [list(state), messages(state)] as const;
  const typing = change.typingChanged(state, ID, [{ userId: 'bob', userName: null }]);
  expect([list(typing), messages(typing)]).toEqual(shown);
  expect(list(typing)).toBe(shown[0]);
  expect(messages(typing)).toBe(shown[1]);
});

test('the list has the latest activity first', () => {
  const at = (minute: number) => `2026-11-23T13:${minute}:00.000Z`;
  let state = change.conversationsArrived(change.initial('alice', null), [
    conversation(1, { id: 'a', updatedAt: at(10) }),
    conversation(1, { id: 'b', updatedAt: at(20) }),
  ]);
  const ids = () => conversationList()(state).items.map(({ id }) => id);
  expect(ids()).toEqual(['b', 'a']);
  state = change.eventArrived(state, newMessage(2, { conversationId: 'a', createdAt: at(30) }));
  expect(ids()).toEqual(['a', 'b']);
  state = change.conversationGone(state, 'b');
  expect(ids()).toEqual(['a']);
});
