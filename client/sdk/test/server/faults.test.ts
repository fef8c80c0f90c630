// What goes wrong between a client and the server, and that everything arrives all the same: once, and in order.

import 'fake-indexeddb/auto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Callboard, ConnectionStatus } from '../../src/index.js';
import { Clients, contents, isConnected, next, until } from '../support/client.js';
import { CutProxy, withoutWebSockets } from '../support/proxy.js';
import { Server } from '../support/server.js';

let server: Server;
let clients: Clients;
const cleanup: (() => void)[] = [];

beforeEach(async () => {
  server = await Server.start();
  clients = new Clients(server);
});
afterEach(async () => {
  clients.close();
  for (const clean of cleanup.splice(0)) clean();
  await server.stop();
});

async function proxied(): Promise<CutProxy> {
  const proxy = await CutProxy.start(server.port);
  cleanup.push(() => proxy.close());
  return proxy;
}

/** What a client hears, in order. */
function heard(client: Callboard): string[] {
  const contents: string[] = [];
  client.on('message:new', ({ message }) => contents.push(message.content));
  return contents;
}

const isUnderWay = ({ state }: ConnectionStatus) => state === 'reconnecting';

test('the server is killed and restarted in the middle: everything arrives once, the queue in order', async () => {
  const [alice, bob, bob2] = (await Promise.all(['alice', 'bob', 'bob'].map((name) => clients.connected(name)))) as [
    Callboard,
    Callboard,
    Callboard,
  ];
  const { id } = await alice.createConversation({ participantIds: ['bob'] });
  const ears = [alice, bob, bob2].map(heard);
  alice.conversation(id).open();
  const sent = Array.from({ length: 60 }, (_, index) => `message ${index}`);
  for (const content of sent.slice(0, 30)) alice.conversation(id).send(content);
  await next(bob, 'message:new', ({ message }) => message.content === 'message 5');
  await server.kill();
  await until(alice.status, isUnderWay);
  for (const content of sent.slice(30)) alice.conversation(id).send(content);
  expect(contents(alice.conversation(id).messages.get().items)).toEqual(sent);
  await server.up();
  await Promise.all([alice, bob, bob2].map((client) => until(client.status, isConnected)));
  await until(alice.conversation(id).messages, ({ items }) => items.every(({ seq }) => seq !== undefined), 'all sent');
  await until(bob2.conversation(id).state, (state) => state?.unreadCount === 60, '60 unread');
  await until(bob.conversation(id).state, (state) => state?.unreadCount === 60, '60 unread');
  await until(alice.conversation(id).state, (state) => state?.lastMessage?.content === 'message 59', 'the last one');
  for (const ear of ears) expect(ear).toEqual(sent);
  expect(contents(alice.conversation(id).messages.get().items)).toEqual(sent);
});

test('two tabs share a queue: what either wrote while the server was away arrives once, in its order', async () => {
  const tabs = [0, 1].map(() => clients.connected('alice', { storage: 'indexeddb' }));
  const [one, two, bob] = (await Promise.all([...tabs, clients.connected('bob')])) as [Callboard, Callboard, Callboard];
  const { id } = await one.createConversation({ participantIds: ['bob'] });
  await until(two.conversation(id).state, (state) => state !== undefined);
  for (const tab of [one, two]) tab.conversation(id).open();
  const ear = heard(bob);
  await server.kill();
  for (const tab of [one, two]) await until(tab.status, isUnderWay);
  for (let index = 0; index < 10; index++) {
    one.conversation(id).send(`one ${index}`);
    two.conversation(id).send(`two ${index}`);
  }
  for (const tab of [one, two]) await until(tab.conversation(id).messages, ({ items }) => items.length === 20, 'both');
  await server.up();
  for (const tab of [one, two]) {
    await until(tab.conversation(id).messages, ({ items }) => items.every(({ seq }) => seq !== undefined), 'all sent');
    expect(tab.conversation(id).messages.get().items).toHaveLength(20);
  }
  await until(bob.conversation(id).state, (state) => state?.unreadCount === 20, '20 unread');
  for (const name of ['one', 'two']) {
    expect(ear.filter((content) => content.startsWith(name))).toEqual(
      [...Array(10).keys()].map((index) => `${name} ${index}`),
    );
  }
  expect(ear).toHaveLength(20);
});

test('a short cut is recovered, and what was written meanwhile is sent', async () => {
  const proxy = await proxied();
  const alice = await clients.connected('alice', { url: proxy.url });
  const bob = await clients.connected('bob');
  const { id } = await alice.createConversation({ participantIds: ['bob'] });
  const ears = [alice, bob].map(heard);
  await until(bob.conversation(id).state, (state) => state !== undefined);
  proxy.refuse();
  await until(alice.status, isUnderWay);
  bob.conversation(id).send('from bob');
  alice.conversation(id).send('from alice');
  await until(bob.conversation(id).state, (state) => state?.lastMessage?.content === 'from bob');
  proxy.allow();
  await until(bob.conversation(id).state, (state) => state?.lastMessage?.content === 'from alice');
  await until(alice.conversation(id).state, (state) => state?.lastMessage?.content === 'from alice');
  for (const ear of ears) expect(ear).toEqual(['from bob', 'from alice']);
  expect(alice.unreadCount.get()).toBe(1);
});

test('after more than can be replayed, a sync brings the rest, receipts and memberships too', async () => {
  await server.stop();
  server = await Server.start({ REPLAY_LIMIT: '10' });
  clients = new Clients(server);
  const proxy = await proxied();
  const alice = await clients.connected('alice', { url: proxy.url });
  const bob = await clients.connected('bob');
  const { id } = await bob.createConversation({ participantIds: ['alice'] });
  const left = await bob.createConversation({ participantIds: ['alice'] });
  const handle = alice.conversation(id);
  handle.open();
  await until(handle.messages, ({ loaded }) => loaded);
  await until(alice.conversation(left.id).state, (state) => state !== undefined);
  const question = handle.send('Well?');
  await until(handle.messages, ({ items }) => items[0]?.status === 'delivered');
  const ear = heard(alice);
  proxy.refuse();
  await until(alice.status, isUnderWay);

  const missed = Array.from({ length: 230 }, (_, index) => `missed ${index}`);
  for (const content of missed) bob.conversation(id).send(content);
  await next(bob, 'message:new', ({ message }) => message.content === 'missed 229');
  bob.conversation(id).open();
  bob.conversation(id).markRead();
  const { id: joined } = await bob.createConversation({ participantIds: ['alice'], title: 'New' });
  await bob.conversation(left.id).removeParticipant('alice');
  const gone = next(alice, 'conversation:deleted');
  const told = next(alice, 'conversation:updated');
  const last = next(alice, 'message:new', ({ message }) => message.content === 'missed 229');
  proxy.allow();

  await last;
  expect(await gone).toEqual({ conversationId: left.id });
  expect((await told).conversationId).toBe(joined);
  expect(ear).toEqual(missed);
  expect(contents(handle.messages.get().items)).toEqual(['Well?', ...missed]);
  expect(alice.unreadCount.get()).toBe(230);
  await until(handle.messages, ({ items }) => items[0]?.status === 'read', 'the receipt');
  expect(handle.messages.get().items[0]?.key).toBe(question.key);
  // Joined again: what is typed is heard.
  bob.conversation(id).typed();
  await until(handle.typing, (typists) => typists.length === 1);
});

test.each(['refused', 'hanging', 'closed', 'cut'] as const)(
  'where WebSockets are %s, it goes by polling',
  async (how) => {
    const proxy = await withoutWebSockets(server.port, how);
    cleanup.push(proxy.close);
    // What is closed need not wait for the timeout.
    const alice = clients.make('alice', { url: proxy.url, timeout: how === 'hanging' ? 1_000 : 60_000 });
    alice.connect();
    await until(alice.status, ({ transport }) => transport === 'polling', 'polling');
    const bob = await clients.connected('bob');
    const { id } = await alice.createConversation({ participantIds: ['bob'] });
    alice.conversation(id).send('by polling');
    await until(bob.conversation(id).state, (state) => state?.lastMessage?.content === 'by polling');
    bob.conversation(id).send('and back');
    await until(alice.conversation(id).state, (state) => state?.lastMessage?.content === 'and back');
  },
);

test('after five attempts it has failed, and retry goes on', async () => {
  const delays = [10, 20, 40, 80, 160];
  const alice = await clients.connected('alice', { reconnection: { delays, jitter: 0 } });
  const { id } = await alice.createConversation({ participantIds: ['bob'] });
  const attempts: unknown[] = [];
  alice.on('connection:status', ({ state, attempt, retryAt }) => {
    if (state === 'reconnecting' && retryAt === undefined) attempts.push(attempt);
  });
  await server.kill();
  const { error } = await until(alice.status, ({ state }) => state === 'failed', 'failed');
  expect(error).toMatchObject({ code: 'network', retriable: true });
  expect(attempts).toEqual([1, 2, 3, 4, 5]);
  alice.conversation(id).send('kept');
  await server.up();
  alice.retry();
  expect(alice.status.get().state).toBe('connecting');
  await next(alice, 'message:new', ({ message }) => message.content === 'kept');
});

test('a token is replaced before it expires, on the connection that stands', async () => {
  let fetched = 0;
  const getToken = () => server.token('alice', ++fetched > 2 ? 3600 : 3);
  const alice = await clients.connected('alice', { getToken, refreshBefore: 1_500 });
  const states: string[] = [];
  alice.on('connection:status', ({ state }) => states.push(state));
  await expect.poll(() => fetched, { timeout: 10_000 }).toBe(3);
  await new Promise((done) => setTimeout(done, 4_000));
  expect(states).toEqual([]);
  await alice.createConversation({ participantIds: ['bob'] });
});

test('a token that is not replaced ends the session', async () => {
  const token = server.token('alice', 2);
  const alice = await clients.connected('alice', { getToken: () => token });
  expect(await next(alice, 'logged-out')).toMatchObject({ code: 'token_expired' });
  expect(alice.status.get()).toMatchObject({ state: 'logged-out', error: { code: 'token_expired' } });
});

test.each([
  ['invalid_token', 'not a token'],
  ['token_missing', ''],
])('%s: logged out at once, and connected after a login', async (code, wrong) => {
  let token = wrong;
  const alice = clients.make('alice', { getToken: () => token });
  const event = next(alice, 'logged-out');
  alice.connect();
  expect(await event).toMatchObject({ code });
  token = server.token('alice');
  alice.connect();
  await until(alice.status, isConnected);
});

test('an expired token is replaced once when connecting', async () => {
  const tokens = [server.token('alice', -10), server.token('alice')];
  let fetched = 0;
  await clients.connected('alice', { getToken: () => tokens[fetched++] ?? '' });
  expect(fetched).toBe(2);
});

test('a message that the server refuses fails at once, the next goes on', async () => {
  const alice = await clients.connected('alice');
  const { id } = await alice.createConversation({ participantIds: ['bob'] });
  const handle = alice.conversation(id);
  handle.open();
  const long = handle.send('x'.repeat(8_001));
  handle.send('short');
  await until(handle.messages, ({ items }) => items.some(({ status }) => status === 'sent'), 'the second');
  const failed = handle.messages.get().items.find(({ status }) => status === 'failed');
  expect(failed).toMatchObject({ key: long.key, error: { code: 'invalid_data' } });
  handle.discard(long.key);
  expect(contents(handle.messages.get().items)).toEqual(['short']);
});
