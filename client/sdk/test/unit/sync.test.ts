import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CallboardError } from '../../src/errors.js';
import { Sync } from '../../src/sync.js';
import type { Conversation, SequencedEvent } from '../../src/wire.js';
import { conversation, ID, later, newMessage, scripted, settle } from '../support/core.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const broken = () => new CallboardError('network', 'Broken.');
const numbers = (...seqs: number[]) => seqs.map((seq) => newMessage(seq));

/** A sync, what it asks of the server, and what is heard of it. */
function parts(list: Conversation[] = [conversation(3)]) {
  const { core, script } = scripted();
  const asked: unknown[][] = [];
  const heard: unknown[] = [];
  const answers = {
    conversations: async (_cursor?: string): Promise<unknown> => ({ items: list }),
    conversation: async (_id: string): Promise<unknown> => conversation(3),
    events: async (_id: string, _after: number): Promise<SequencedEvent[]> => [],
    sync: async (_cursors: Record<string, number>): Promise<unknown> => ({ conversations: [], joined: [], left: [] }),
  };
  for (const name of Object.keys(answers) as (keyof typeof answers)[]) {
    script.rest[name] = (...args: never[]) => {
      asked.push([name, ...args.filter((arg) => arg !== undefined)]);
      return (answers[name] as (...args: never[]) => unknown)(...args);
    };
  }
  core.events.on('message:new', ({ message }) => heard.push(message.seq));
  core.events.on('conversation:updated', ({ conversationId }) => heard.push(`updated ${conversationId}`));
  core.events.on('conversation:deleted', ({ conversationId }) => heard.push(`deleted ${conversationId}`));
  core.events.on('error', ({ code }) => heard.push(`error ${code}`));
  const sync = new Sync(core, { passed: () => {}, described: () => {} });
  const known = (id = ID) => core.state.get().conversations.get(id);
  const lose = () => {
    script.isUp = false;
    core.sleeper.wake();
  };
  return { core, script, sync, asked, heard, answers, known, lose };
}

test('the first connection loads the list; a recovered one asks for nothing', async () => {
  const { sync, asked, heard, known } = parts();
  sync.ready(false);
  await settle();
  expect(asked).toEqual([['conversations']]);
  expect(known()?.lastSeq).toBe(3);
  sync.ready(true);
  await settle();
  expect(asked).toHaveLength(1);
  for (const event of [...numbers(3, 4), ...numbers(4, 5)]) sync.take(event);
  expect(heard).toEqual([4, 5]);
});

test('a gap is filled before what comes after it is told', async () => {
  const { sync, asked, heard, answers } = parts();
  sync.ready(false);
  await settle();
  const answer = later<SequencedEvent[]>();
  answers.events = () => answer.promise;
  sync.take(newMessage(6));
  sync.take(newMessage(7));
  expect(heard).toEqual([]);
  answer.resolve(numbers(4, 5, 6));
  await settle();
  expect(asked.slice(1)).toEqual([['events', ID, 3]]);
  expect(heard).toEqual([4, 5, 6, 7]);
});

test('a long gap is filled page by page, and through failures that pass', async () => {
  const { sync, asked, heard, answers } = parts();
  sync.ready(false);
  await settle();
  let failures = 2;
  answers.events = async (_id, after) => {
    if (failures-- > 0) throw broken();
    return numbers(...Array.from({ length: Math.min(100, 250 - after) }, (_, index) => after + index + 1));
  };
  sync.take(newMessage(250));
  await settle();
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.advanceTimersByTimeAsync(2_000);
  await settle();
  expect(asked.slice(1).map(([, , after]) => after)).toEqual([3, 3, 3, 103, 203]);
  expect(heard).toEqual(Array.from({ length: 247 }, (_, index) => index + 4));
});

test('a lost connection ends the repetitions, the next one goes on', async () => {
  const { script, sync, heard, answers, lose } = parts();
  sync.ready(false);
  await settle();
  answers.events = () => Promise.reject(broken());
  sync.take(newMessage(5));
  await settle();
  expect(vi.getTimerCount()).toBe(1);
  lose();
  await settle();
  expect(vi.getTimerCount()).toBe(0);
  answers.events = async () => numbers(4, 5);
  script.isUp = true;
  sync.ready(true);
  await settle();
  expect(heard).toEqual([4, 5]);
});

test('a conversation that is not known is fetched, and its first events told', async () => {
  const { sync, asked, heard, answers, known } = parts([]);
  sync.ready(false);
  await settle();
  answers.conversation = async () => conversation(3, { unreadCount: 1 });
  sync.take(newMessage(2));
  sync.take(newMessage(3));
  await settle();
  expect(asked.slice(1)).toEqual([
    ['conversation', ID],
    ['events', ID, 3],
  ]);
  expect(heard).toEqual([2, 3]);
  expect(known()?.unreadCount).toBe(1);
});

test('what comes while the list is on its way is told once', async () => {
  const { sync, asked, heard, answers, known } = parts();
  const answer = later<unknown>();
  answers.conversations = () => answer.promise;
  sync.ready(false);
  for (const event of numbers(3, 4)) sync.take(event);
  answer.resolve({ items: [conversation(3, { unreadCount: 2 })] });
  await settle();
  expect(heard).toEqual([3, 4]);
  expect(known()?.unreadCount).toBe(3);
  expect(asked).toEqual([['conversations']]);
});

test('after an absence, a sync brings events, memberships, and receipts by the list', async () => {
  const { sync, asked, heard, answers, known } = parts([conversation(3), conversation(1, { id: 'left' })]);
  sync.ready(false);
  await settle();
  answers.sync = async () => ({
    conversations: [{ conversationId: ID, events: numbers(4, 5), more: true }],
    joined: [conversation(9, { id: 'joined' })],
    left: ['left'],
  });
  answers.events = async () => numbers(6);
  answers.conversations = async () => ({
    items: [
      conversation(6, { participants: [{ userId: 'bob', name: null, joinedAt: '', readSeq: 6, deliveredSeq: 6 }] }),
    ],
  });
  sync.ready(false);
  sync.take(newMessage(7));
  await settle();
  expect(asked.slice(1)).toEqual([['sync', { [ID]: 3, left: 1 }], ['events', ID, 5], ['conversations']]);
  expect(heard).toEqual(['deleted left', 4, 5, 'updated joined', 6, 7]);
  expect(known('left')).toBeUndefined();
  expect(known('joined')?.lastSeq).toBe(9);
  expect(known()?.participants.find(({ userId }) => userId === 'bob')?.readSeq).toBe(6);
});

test('what was read elsewhere meanwhile is found also beyond the first page of the list', async () => {
  const first = conversation(3);
  const others = ['unread', 'read'].map((id) => conversation(3, { id, unreadCount: id === 'unread' ? 2 : 0 }));
  const { sync, asked, answers, known } = parts([first, ...others]);
  sync.ready(false);
  await settle();
  const pages: Record<string, unknown> = {
    '': { items: [first], nextCursor: '2' },
    2: { items: [conversation(3, { id: 'unread' })], nextCursor: '3' },
  };
  answers.conversations = async (cursor = '') => pages[cursor];
  sync.ready(false);
  await settle();
  expect(known('unread')?.unreadCount).toBe(0);
  expect(asked.slice(2)).toEqual([['conversations'], ['conversations', '2']]);
});

test('one conversation in which much was missed does not hold up the others', async () => {
  const { sync, heard, answers } = parts([conversation(3), conversation(7, { id: 'quiet' })]);
  sync.ready(false);
  await settle();
  answers.sync = async () => ({
    conversations: [
      { conversationId: ID, events: numbers(4), more: true },
      { conversationId: 'quiet', events: [newMessage(8, { conversationId: 'quiet' })], more: false },
    ],
    joined: [],
    left: [],
  });
  answers.events = () => later<SequencedEvent[]>().promise;
  sync.ready(false);
  await settle();
  expect(heard).toEqual([4, 8]);
});

test('what is heard while a sync is on its way is newer than its answer', async () => {
  const { sync, heard, answers, known } = parts([conversation(3)]);
  sync.ready(false);
  await settle();
  const answer = later<unknown>();
  answers.sync = () => answer.promise;
  sync.ready(false);
  await settle();
  sync.remove('joined and removed');
  sync.take(newMessage(6));
  answers.events = async () => numbers(4, 5, 6);
  answer.resolve({ conversations: [], joined: [conversation(1, { id: 'joined and removed' })], left: [ID] });
  answers.conversations = async () => ({ items: [] });
  await settle();
  expect(known('joined and removed')).toBeUndefined();
  expect(known()?.lastSeq).toBe(6);
  expect(heard).toEqual([4, 5, 6]);
});

test('a list that was asked for before the connection stood is not enough', async () => {
  for (const fails of [true, false]) {
    const { core, sync, asked, answers } = parts();
    const early = later<unknown>();
    answers.conversations = () => early.promise;
    const asking = sync.loadPage().catch(() => {});
    sync.ready(false);
    answers.conversations = async () => ({ items: [conversation(3)] });
    if (fails) early.reject(broken());
    else early.resolve({ items: [conversation(2)] });
    await asking;
    await settle();
    expect(core.state.get().list).toEqual({ loaded: true, loading: false });
    expect(asked[1]?.[0]).toBe(fails ? 'conversations' : 'sync');
  }
});

test('events of a kind that is not known are passed over', async () => {
  const { sync, heard, answers } = parts();
  sync.ready(false);
  await settle();
  const unknown = { seq: 4, event: 'message-pinned', data: { conversationId: ID, seq: 4 } } as unknown;
  answers.events = async () => [unknown as SequencedEvent, ...numbers(5)];
  sync.take(newMessage(5));
  sync.take(newMessage(6));
  await settle();
  expect(heard).toEqual([5, 6]);
});

test('a sync that is cut off is done again with the next connection, recovered or not', async () => {
  const { script, sync, asked, heard, answers, lose } = parts();
  sync.ready(false);
  await settle();
  answers.sync = () => Promise.reject(broken());
  sync.ready(false);
  await settle();
  lose();
  await settle();
  answers.sync = async () => ({
    conversations: [{ conversationId: ID, events: numbers(4), more: false }],
    joined: [],
    left: [],
  });
  script.isUp = true;
  sync.ready(true);
  await settle();
  expect(heard).toEqual([4]);
  expect(asked.filter(([name]) => name === 'sync')).toHaveLength(2);
});

test('what is gone stays gone, whatever was on its way, until one is added again', async () => {
  const { sync, heard, answers, known } = parts();
  sync.ready(false);
  await settle();
  sync.remove(ID);
  sync.remove(ID);
  sync.describe([conversation(3)]);
  expect(known()).toBeUndefined();
  const { unreadCount: _, lastMessage: __, ...told } = conversation(8);
  answers.conversation = async () => conversation(8);
  sync.take({ seq: 8, event: 'conversation-updated', data: { conversationId: ID, seq: 8, conversation: told } });
  await settle();
  expect(known()?.lastSeq).toBe(8);
  expect(heard).toEqual([`deleted ${ID}`, `updated ${ID}`]);
});

test('a conversation that turns out to be gone while its gap is filled is removed', async () => {
  const { sync, heard, answers, known } = parts();
  sync.ready(false);
  await settle();
  answers.events = () => Promise.reject(new CallboardError('not_found', 'Gone.', { status: 404 }));
  sync.take(newMessage(9));
  await settle();
  expect(known()).toBeUndefined();
  expect(heard).toEqual([`deleted ${ID}`]);
});

test('a conversation is asked for until there is an answer, and removed if it turns out to be gone', async () => {
  const { sync, heard, answers, known } = parts();
  sync.ready(false);
  await settle();
  answers.conversation = () => Promise.reject(broken());
  sync.refresh(ID);
  await settle();
  answers.conversation = async () => conversation(3, { unreadCount: 2 });
  await vi.advanceTimersByTimeAsync(1_000);
  await settle();
  expect(known()?.unreadCount).toBe(2);
  answers.conversation = () => Promise.reject(new CallboardError('not_found', 'Gone.', { status: 404 }));
  sync.refresh(ID);
  await settle();
  expect(heard).toEqual([`deleted ${ID}`]);
});

test('one that was created here is told of once, whichever comes first', async () => {
  const { unreadCount: _, lastMessage: __, ...told } = conversation(1);
  const event = {
    seq: 1,
    event: 'conversation-updated' as const,
    data: { conversationId: ID, seq: 1, conversation: told },
  };
  for (const order of ['answer first', 'event first']) {
    const { sync, heard } = parts([]);
    sync.ready(false);
    await settle();
    if (order === 'event first') sync.take(event);
    sync.describe([conversation(1)], true);
    if (order === 'answer first') sync.take(event);
    await settle();
    expect(heard).toEqual([`updated ${ID}`]);
  }
});

test('the list is loaded page by page; what fails is in the list', async () => {
  const { core, sync, answers, asked } = parts();
  answers.conversations = async () => ({ items: [conversation(3)], nextCursor: 'next' });
  sync.ready(false);
  await settle();
  expect(core.state.get().list).toEqual({ loaded: true, loading: false, cursor: 'next' });
  answers.conversations = () => Promise.reject(broken());
  await sync.loadPage().catch(() => {});
  expect(core.state.get().list).toMatchObject({ loading: false, cursor: 'next', error: { code: 'network' } });
  answers.conversations = async () => ({ items: [conversation(1, { id: 'b' })] });
  await sync.loadPage();
  expect(core.state.get().list).toEqual({ loaded: true, loading: false });
  await sync.loadPage();
  expect(asked).toEqual([['conversations'], ['conversations', 'next'], ['conversations', 'next']]);
});
