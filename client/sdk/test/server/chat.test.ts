// Two users with two tabs each, and what they see of each other.

import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Callboard } from '../../src/index.js';
import { Clients, contents, next, until } from '../support/client.js';
import { Server } from '../support/server.js';

let server: Server;
let clients: Clients;
let people = 0;

beforeAll(async () => {
  server = await Server.start();
  clients = new Clients(server);
});
afterEach(() => clients.close());
afterAll(() => server.stop());

/** Alice and Bob, two tabs each, in a conversation that all four have open. */
async function party() {
  people += 1;
  const names = [`alice${people}`, `alice${people}`, `bob${people}`, `bob${people}`];
  const tabs = await Promise.all(names.map((name) => clients.connected(name)));
  const [alice, alice2, bob, bob2] = tabs as [Callboard, Callboard, Callboard, Callboard];
  const { id } = await alice.createConversation({ participantIds: [bob.userId], title: 'Casting' });
  await Promise.all(tabs.map((tab) => until(tab.conversation(id).state, (state) => state !== undefined)));
  const open = (tab: Callboard) => {
    const handle = tab.conversation(id);
    handle.open();
    return until(handle.messages, ({ loaded }) => loaded);
  };
  return { alice, alice2, bob, bob2, tabs, id, open };
}

test('a message reaches all four tabs, once, and is read', async () => {
  const { alice, bob, bob2, tabs, id, open } = await party();
  const heard: string[] = [];
  for (const tab of tabs) tab.on('message:new', ({ message }) => heard.push(`${tab.userId} ${message.content}`));
  await Promise.all([open(alice), open(bob)]);

  const { messages } = alice.conversation(id);
  const { key, status } = alice.conversation(id).send('Are you free on Friday?');
  expect(status).toBe('queued');
  expect(contents(messages.get().items)).toEqual(['Are you free on Friday?']);
  await until(messages, ({ items }) => items[0]?.status === 'delivered', 'delivered');
  expect(messages.get().items).toHaveLength(1);
  expect(messages.get().items[0]?.key).toBe(key);

  for (const tab of [bob, bob2]) await until(tab.unreadCount, (count) => count === 1);
  expect(alice.unreadCount.get()).toBe(0);
  bob.conversation(id).markRead();
  expect(bob.unreadCount.get()).toBe(0);
  await until(bob2.unreadCount, (count) => count === 0, 'the other tab to know');
  await until(messages, ({ items }) => items[0]?.status === 'read', 'read');
  expect(heard.sort()).toEqual(tabs.map(({ userId }) => `${userId} Are you free on Friday?`).sort());
});

test('an open conversation shows who types, a closed one is notified', async () => {
  const { alice, bob, bob2, id, open } = await party();
  await Promise.all([open(alice), open(bob)]);
  alice.conversation(id).typed();
  const [typist] = await until(bob.conversation(id).typing, (typists) => typists.length > 0);
  expect(typist).toEqual({ userId: alice.userId, userName: expect.stringMatching(/^Alice/) });
  expect(bob2.conversation(id).typing.get()).toEqual([]);
  const notified = next(bob2, 'notification');
  alice.conversation(id).send('There you are');
  await until(bob.conversation(id).typing, (typists) => typists.length === 0);
  expect(await notified).toMatchObject({ conversationId: id, preview: 'There you are', senderId: alice.userId });
});

test('history is loaded page by page', async () => {
  const { alice, bob, id } = await party();
  const sent = Array.from({ length: 25 }, (_, index) => `message ${index}`);
  for (const content of sent) alice.conversation(id).send(content);
  await until(bob.conversation(id).state, (state) => state?.unreadCount === 25, '25 unread');
  const late = await clients.connected(bob.userId, { pageSize: 10 });
  const handle = late.conversation(id);
  const close = handle.open();
  const { items, hasOlder, firstUnreadSeq } = await until(handle.messages, ({ loaded }) => loaded);
  expect(contents(items)).toEqual(sent.slice(15));
  expect(hasOlder).toBe(true);
  expect(firstUnreadSeq).toBe(1);
  await handle.loadOlder();
  await handle.loadOlder();
  expect(contents(handle.messages.get().items)).toEqual(sent);
  expect(handle.messages.get().hasOlder).toBe(false);
  close();
});

test('participants come and go', async () => {
  const { alice, bob, bob2, id } = await party();
  const carol = await clients.connected(`carol${people}`);
  const added = next(carol, 'conversation:updated');
  await alice.conversation(id).addParticipants([carol.userId]);
  expect((await added).conversation.participants.map(({ userId }) => userId)).toContain(carol.userId);
  await carol.conversation(id).rename('Rehearsal');
  await until(bob.conversation(id).state, (state) => state?.title === 'Rehearsal');
  const gone = next(carol, 'conversation:deleted');
  await alice.conversation(id).removeParticipant(carol.userId);
  expect(await gone).toEqual({ conversationId: id });
  expect(carol.conversations.get().items).toEqual([]);
  await bob.conversation(id).leave();
  await until(bob2.conversations, ({ items }) => items.length === 0);
  await expect(bob.conversation(id).rename('Mine')).rejects.toMatchObject({ code: 'not_found', status: 404 });
  await alice.conversation(id).delete();
  expect(alice.conversations.get().items).toEqual([]);
});

test('a direct conversation is one, and its creation is told once', async () => {
  const { alice, bob } = await party();
  const told: string[] = [];
  alice.on('conversation:updated', ({ conversationId }) => told.push(conversationId));
  const first = await alice.createConversation({ participantIds: [bob.userId], kind: 'direct' });
  await until(bob.conversation(first.id).state, (state) => state !== undefined);
  const again = await bob.createConversation({ participantIds: [alice.userId], kind: 'direct' });
  expect(again.id).toBe(first.id);
  bob.conversation(first.id).send('Hello');
  await next(alice, 'message:new');
  expect(told).toEqual([first.id]);
});
