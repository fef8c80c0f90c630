import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CallboardError } from '../../src/errors.js';
import { IndexedDbStorage } from '../../src/outbox/idb.js';
import { MemoryStorage } from '../../src/outbox/memory.js';
import type { OutboxStorage } from '../../src/outbox/storage.js';
import { Outbox } from '../../src/outbox.js';
import { historyArrived } from '../../src/state/state.js';
import { messageList } from '../../src/state/views.js';
import type { Message } from '../../src/wire.js';
import { ID, later, message, type Scripted, scripted, settle } from '../support/core.js';

type Send = { content: string; clientMessageId: string };

const opened: Outbox[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  globalThis.indexedDB = new IDBFactory();
});
afterEach(async () => {
  for (const outbox of opened.splice(0)) outbox.close();
  await settle();
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/** An outbox, and the contents that reached the server. */
function outboxOf(storage: OutboxStorage = new IndexedDbStorage(), answer?: (send: Send) => Promise<Message>) {
  const { core, script } = scripted();
  const sent: string[] = [];
  let seq = 0;
  script.rest.send = (async (conversationId: string, send: Send) => {
    sent.push(send.content);
    if (answer) return answer(send);
    return message(++seq, { conversationId, senderId: 'alice', ...send });
  }) as Scripted['rest'][string];
  const outbox = new Outbox(core, storage);
  opened.push(outbox);
  const shown = (id = ID) =>
    messageList(id)(core.state.get()).items.map(({ content, status }) => `${content}: ${status}`);
  return { core, outbox, sent, shown };
}

const refused = (status: number, retryAfter?: number) => new CallboardError('x', 'No.', { status, retryAfter });
const broken = () => new CallboardError('network', 'The server could not be reached.');

test('what is written without a connection is queued, and sent in order when there is one', async () => {
  const { outbox, sent, shown } = outboxOf();
  for (const content of ['one', 'two', 'three']) outbox.add(ID, content);
  await settle();
  expect(shown()).toEqual(['one: queued', 'two: queued', 'three: queued']);
  expect(sent).toEqual([]);
  outbox.resume();
  await settle();
  expect(sent).toEqual(['one', 'two', 'three']);
  expect(shown()).toEqual([]);
});

test('one message of a conversation is under way at a time; conversations do not wait for each other', async () => {
  const answers = new Map<string, ReturnType<typeof later<Message>>>();
  const { outbox, sent, shown } = outboxOf(new MemoryStorage(), ({ content }) => {
    const answer = later<Message>();
    answers.set(content, answer);
    return answer.promise;
  });
  outbox.resume();
  outbox.add(ID, 'one');
  outbox.add(ID, 'two');
  outbox.add('other', 'elsewhere');
  await settle();
  expect(sent).toEqual(['one', 'elsewhere']);
  expect(shown()).toEqual(['one: sending', 'two: queued']);
  answers.get('one')?.resolve(message(1));
  await settle();
  expect(sent).toEqual(['one', 'elsewhere', 'two']);
});

test('nothing is sent before it is stored', async () => {
  const stored = later<void>();
  const storage = new MemoryStorage();
  storage.put = () => stored.promise;
  const { outbox, sent } = outboxOf(storage);
  outbox.resume();
  outbox.add(ID, 'one');
  await settle();
  expect(sent).toEqual([]);
  stored.resolve();
  await settle();
  expect(sent).toEqual(['one']);
});

test('the queue survives a reload', async () => {
  const first = outboxOf();
  first.outbox.add(ID, 'one');
  first.outbox.add(ID, 'two');
  await settle();
  first.outbox.close();
  const second = outboxOf();
  await settle();
  expect(second.shown()).toEqual(['one: queued', 'two: queued']);
  second.outbox.add(ID, 'three');
  second.outbox.resume();
  await settle();
  expect(second.sent).toEqual(['one', 'two', 'three']);
  second.outbox.close();
  const third = outboxOf();
  await settle();
  expect(third.shown()).toEqual([]);
});

test('the queues of users are apart', async () => {
  const storage = new IndexedDbStorage();
  const { outbox } = outboxOf(storage);
  outbox.add(ID, 'one');
  await settle();
  expect(await storage.load('http://callboard.test:alice')).toHaveLength(1);
  expect(await storage.load('http://callboard.test:al')).toHaveLength(0);
  await storage.clear('http://callboard.test:bob');
  expect(await storage.load('http://callboard.test:alice')).toHaveLength(1);
  await outbox.clear();
  expect(await storage.load('http://callboard.test:alice')).toHaveLength(0);
});

test('what passes is tried again after 1, 2, 4, 8, 16, 16, 16 s, and has failed after eight times', async () => {
  const { outbox, sent, shown } = outboxOf(new MemoryStorage(), () => Promise.reject(broken()));
  outbox.resume();
  outbox.add(ID, 'one');
  await settle();
  for (const [index, delay] of [1, 2, 4, 8, 16, 16, 16].entries()) {
    expect(sent).toHaveLength(index + 1);
    await vi.advanceTimersByTimeAsync(delay * 1000 - 1);
    expect(sent).toHaveLength(index + 1);
    await vi.advanceTimersByTimeAsync(1);
    await settle();
  }
  expect(sent).toHaveLength(8);
  expect(shown()).toEqual(['one: failed']);
});

test('Retry-After is honoured', async () => {
  const errors = [refused(429, 7_000), refused(503, 3_000)];
  const { outbox, sent } = outboxOf(new MemoryStorage(), async (send) => {
    const error = errors.shift();
    if (error) throw error;
    return message(1, { senderId: 'alice', ...send });
  });
  outbox.resume();
  outbox.add(ID, 'one');
  for (const delay of [7_000, 3_000]) {
    await settle();
    const before = sent.length;
    await vi.advanceTimersByTimeAsync(delay - 1);
    expect(sent).toHaveLength(before);
    await vi.advanceTimersByTimeAsync(1);
  }
  await settle();
  expect(sent).toHaveLength(3);
});

test.each([400, 403, 404, 413])('after %i a message has failed at once, and the next goes on', async (status) => {
  let answered = 0;
  const { outbox, sent, shown, core } = outboxOf(new MemoryStorage(), async (send) => {
    if (answered++ === 0) throw refused(status);
    return message(1, { senderId: 'alice', ...send });
  });
  outbox.resume();
  const { clientMessageId } = outbox.add(ID, 'one');
  outbox.add(ID, 'two');
  await settle();
  expect(sent).toEqual(['one', 'two']);
  expect(shown()).toEqual(['one: failed']);
  outbox.add(ID, 'three');
  outbox.retry(ID, clientMessageId);
  expect(
    core.state
      .get()
      .outbox.get(ID)
      ?.map(({ content }) => content),
  ).toEqual(['one', 'three']);
  await settle();
  expect(shown()).toEqual([]);
});

test('a message that has failed stays so after a reload, until it is put back', async () => {
  const first = outboxOf(new IndexedDbStorage(), () => Promise.reject(refused(403)));
  first.outbox.resume();
  first.outbox.add(ID, 'one');
  await settle();
  first.outbox.close();
  const second = outboxOf();
  second.outbox.resume();
  await settle();
  expect(second.shown()).toEqual(['one: failed']);
  const [item] = second.core.state.get().outbox.get(ID) ?? [];
  second.outbox.retry(ID, item?.clientMessageId ?? '');
  await settle();
  expect(second.sent).toEqual(['one']);
});

test('what is discarded is not sent, now or after a reload', async () => {
  const { outbox, sent, shown } = outboxOf();
  const { clientMessageId } = outbox.add(ID, 'one');
  outbox.discard(ID, clientMessageId);
  outbox.add(ID, 'two');
  outbox.resume();
  await settle();
  expect(sent).toEqual(['two']);
  expect(shown()).toEqual([]);
  const storage = new IndexedDbStorage();
  expect(await storage.load('http://callboard.test:alice')).toEqual([]);
  storage.close();
});

test('a lost connection interrupts the waiting; what was under way counts for nothing', async () => {
  let answer = later<Message>();
  const { outbox, sent, shown } = outboxOf(new MemoryStorage(), () => {
    answer = later<Message>();
    return answer.promise;
  });
  outbox.resume();
  outbox.add(ID, 'one');
  await settle();
  outbox.pause();
  answer.reject(broken());
  await settle();
  expect(shown()).toEqual(['one: queued']);
  expect(vi.getTimerCount()).toBe(0);
  outbox.resume();
  await settle();
  expect(sent).toEqual(['one', 'one']);
  answer.reject(broken());
  await settle();
  expect(vi.getTimerCount()).toBe(1);
  outbox.pause();
  outbox.resume();
  await settle();
  expect(sent).toEqual(['one', 'one', 'one']);
});

test('a message that arrives as an event while its request hangs is not sent again', async () => {
  const { outbox, sent, shown } = outboxOf(new MemoryStorage(), () => later<Message>().promise);
  outbox.resume();
  const { clientMessageId } = outbox.add(ID, 'one');
  await settle();
  outbox.arrived(message(1, { clientMessageId, senderId: 'bob' }));
  expect(shown()).toEqual(['one: sending']);
  outbox.arrived(message(1, { clientMessageId, senderId: 'alice' }));
  expect(shown()).toEqual([]);
  expect(sent).toEqual(['one']);
});

test('where nothing can be stored, messages are sent all the same, and the application is told once', async () => {
  const { core } = scripted();
  const storage = new MemoryStorage();
  const denied = () => Promise.reject(new Error('denied'));
  const failing: OutboxStorage = {
    load: denied,
    put: denied,
    delete: denied,
    clear: denied,
    close: () => storage.close(),
  };
  const { outbox, sent, core: own } = outboxOf(failing);
  const errors: string[] = [];
  own.events.on('error', ({ code }) => errors.push(code));
  outbox.resume();
  outbox.add(ID, 'one');
  await settle();
  expect(sent).toEqual(['one']);
  expect(errors).toEqual(['storage_unavailable']);
  expect(core).toBeDefined();
});

test('where the browser denies its database, even to ask for it, messages are sent all the same', async () => {
  const open = () => {
    throw new DOMException('Access is denied.', 'SecurityError');
  };
  globalThis.indexedDB = { open } as unknown as IDBFactory;
  const { outbox, sent, core } = outboxOf();
  const errors: string[] = [];
  core.events.on('error', ({ code }) => errors.push(code));
  outbox.resume();
  outbox.add(ID, 'one');
  await settle();
  expect(sent).toEqual(['one']);
  expect(errors).toEqual(['storage_unavailable']);
});

test('a message that turns out to have arrived long ago leaves no gap in what is loaded', async () => {
  const { outbox, core, shown } = outboxOf(new MemoryStorage(), async (send) =>
    message(3, { senderId: 'alice', ...send }),
  );
  core.state.set(historyArrived(core.state.get(), ID, [message(8), message(7)], true));
  outbox.resume();
  outbox.add(ID, 'one');
  await settle();
  expect(shown()).toEqual(['message 7: sent', 'message 8: sent']);
});
