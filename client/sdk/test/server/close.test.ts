// A client that is closed holds on to nothing: no timer, listener, channel, lock or connection.

import 'fake-indexeddb/auto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { Callboard, type CallboardOptions } from '../../src/index.js';
import { isConnected, next, until } from '../support/client.js';
import { settle } from '../support/core.js';
import { Locks } from '../support/locks.js';
import { Server } from '../support/server.js';

let server: Server;
beforeAll(async () => {
  server = await Server.start();
});
afterAll(() => server.stop());

/** Counts the listeners that were added and not removed. */
class Page extends EventTarget {
  readonly visibilityState = 'visible';
  listeners = 0;
  override addEventListener(...args: Parameters<EventTarget['addEventListener']>) {
    this.listeners++;
    super.addEventListener(...args);
  }
  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>) {
    this.listeners--;
    super.removeEventListener(...args);
  }
}

const timers = new Set<unknown>();
const channels = new Set<BroadcastChannel>();
let page: Page;
let locks: Locks;

beforeEach(() => {
  page = new Page();
  locks = new Locks();
  const { setTimeout: set, clearTimeout: clear, BroadcastChannel: Channel } = globalThis;
  vi.stubGlobal('setTimeout', (callback: (...args: unknown[]) => void, delay?: number, ...args: unknown[]) => {
    const timer = set(() => {
      timers.delete(timer);
      callback(...args);
    }, delay);
    // Node's own fetch keeps its connections for a while, and ws waits for the server to close.
    if (!/undici|node_modules\/ws\//.test(new Error().stack ?? '')) timers.add(timer);
    return timer;
  });
  vi.stubGlobal('clearTimeout', (timer: NodeJS.Timeout) => {
    timers.delete(timer);
    clear(timer);
  });
  vi.stubGlobal(
    'BroadcastChannel',
    class extends Channel {
      constructor(name: string) {
        super(name);
        channels.add(this as unknown as BroadcastChannel);
      }
      override close() {
        channels.delete(this as unknown as BroadcastChannel);
        super.close();
      }
    },
  );
  vi.stubGlobal('navigator', { locks, onLine: true });
  vi.stubGlobal('window', page);
  vi.stubGlobal('document', page);
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const make = (userId: string, options: Partial<CallboardOptions> = {}) =>
  new Callboard({ url: server.url, userId, getToken: () => server.token(userId), storage: 'memory', ...options });

async function nothingIsLeft(): Promise<void> {
  await settle();
  const left = { timers: timers.size, listeners: page.listeners, channels: channels.size, locks: locks.held };
  expect(left).toEqual({ timers: 0, listeners: 0, channels: 0, locks: 0 });
}

test('after much has happened', async () => {
  const [alice, bob] = [make('alice', { storage: 'indexeddb' }), make('bob')];
  for (const client of [alice, bob]) client.connect();
  await Promise.all([alice, bob].map((client) => until(client.status, isConnected)));
  const { id } = await alice.createConversation({ participantIds: ['bob'] });
  for (const client of [alice, bob]) client.conversation(id).open();
  const handle = alice.conversation(id);
  handle.send('Hello');
  await next(bob, 'message:new');
  bob.conversation(id).send('Hello');
  bob.conversation(id).markRead();
  await next(alice, 'message:new', ({ message }) => message.senderId === 'bob');
  await until(handle.messages, ({ items }) => items[0]?.status === 'read');
  // All of these leave something to be done later.
  bob.conversation(id).typed();
  await until(handle.typing, (typists) => typists.length === 1);
  handle.typed();
  handle.markRead();
  handle.send('on its way');
  expect([timers.size > 0, page.listeners, channels.size, locks.held]).toEqual([true, 6, 2, 2]);
  const heard: string[] = [];
  alice.on('connection:status', ({ state }) => heard.push(state));
  alice.close();
  alice.close();
  bob.close();
  expect(heard).toEqual(['closed']);
  await nothingIsLeft();
});

test('while connecting, waiting, and without having done anything', async () => {
  const idle = make('alice');
  const connecting = make('alice', { getToken: () => new Promise(() => {}) });
  connecting.connect();
  const waiting = make('alice', { getToken: () => Promise.reject(new Error('no')) });
  waiting.connect();
  await until(waiting.status, ({ state }) => state === 'reconnecting');
  for (const client of [idle, connecting, waiting]) client.close();
  await nothingIsLeft();
});

test('logout forgets the queue', async () => {
  const first = make('carol', { storage: 'indexeddb' });
  const kept = first.conversation('c').send('kept');
  await settle();
  first.close();
  const second = make('carol', { storage: 'indexeddb' });
  const { messages } = second.conversation('c');
  await until(messages, ({ items }) => items[0]?.key === kept.key);
  await second.logout();
  expect(second.status.get().state).toBe('closed');
  const third = make('carol', { storage: 'indexeddb' });
  await settle();
  expect(third.conversation('c').messages.get().items).toEqual([]);
  third.close();
  await nothingIsLeft();
});
