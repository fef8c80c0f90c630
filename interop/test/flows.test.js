// Sending and reading, as two users see them who have two tabs open each.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cell as cellOf, matrix } from '../lib/matrix.js';
import { Server } from '../lib/server.js';
import { isAnnouncedConversation, isMessage, isTime, participant, userIds } from '../lib/shapes.js';

const server = await Server.forThisFile();

matrix('two users, two tabs each', {}, (cell) => {
  test('the sending flow', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const tabs = await cell.tabs(t, alice, alice, bob, bob);
    const [alice1, , bob1, bob2] = tabs;

    const { id } = await alice.create([bob], { title: 'Casting' });
    for (const tab of tabs) {
      const update = await tab.next('conversation-updated');
      assert.equal(update.conversationId, id);
      assert.equal(update.seq, 1);
      isAnnouncedConversation(update.conversation);
      assert.equal(update.conversation.title, 'Casting');
      assert.deepEqual(userIds(update.conversation), [alice.id, bob.id].sort());
    }

    await Promise.all([alice1.join(id), bob1.join(id)]);
    alice1.emit('typing-start', id);
    assert.deepEqual(await bob1.next('user-typing'), { conversationId: id, userId: alice.id, userName: 'Alice' });

    const message = await alice.send(id, 'Are you free on Friday? 🎬');
    isMessage(message);
    assert.equal(message.seq, 2);
    assert.equal(message.senderName, 'Alice');
    for (const tab of tabs) {
      assert.deepEqual(await tab.message(message.id), { conversationId: id, seq: 2, message });
    }
    assert.deepEqual(await bob1.next('user-stop-typing'), { conversationId: id, userId: alice.id });
    assert.deepEqual(await bob2.next('notification'), {
      type: 'new-message',
      conversationId: id,
      messageId: message.id,
      senderId: alice.id,
      senderName: 'Alice',
      preview: message.content,
    });

    const fence = await alice.send(id, 'fence');
    await Promise.all(tabs.map((tab) => tab.message(fence.id)));
    for (const tab of tabs) assert.deepEqual(tab.seqs(id), [2, 3], 'each message once');
    assert.deepEqual(tabs.map((tab) => tab.all('conversation-updated').length), [1, 1, 1, 1]);
    await bob2.count('notification', 2);
    assert.deepEqual(tabs.map((tab) => tab.all('notification').length), [0, 0, 0, 2], 'only where it is not open');
  });

  test('the reading flow', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const tabs = await cell.tabs(t, alice, alice, bob, bob);
    const bob1 = tabs[2];
    const { id } = await alice.create([bob]);
    const first = await alice.send(id, 'first');
    const second = await alice.send(id, 'second');
    assert.equal((await bob.conversation(id)).unreadCount, 2);
    assert.equal((await alice.conversation(id)).unreadCount, 0, 'own messages are never unread');

    const ack = await bob1.must('mark-read', { conversationId: id, messageIds: [first.id] });
    assert.equal(ack.readSeq, first.seq);
    assert.equal(ack.unreadCount, 1);
    for (const tab of tabs) {
      const receipt = await tab.next('messages-read', (data) => data.readSeq === first.seq);
      const { readAt, ...rest } = receipt;
      assert.deepEqual(rest, { conversationId: id, messageIds: [first.id], readBy: bob.id, readSeq: first.seq });
      isTime(readAt);
    }

    assert.deepEqual(await bob.read(id), { conversationId: id, readSeq: second.seq, unreadCount: 0 });
    for (const tab of tabs) {
      const receipt = await tab.next('messages-read', (data) => data.readSeq === second.seq);
      assert.deepEqual(receipt.messageIds, [second.id]);
      assert.equal(receipt.readBy, bob.id);
    }

    const seen = participant(await alice.conversation(id), bob);
    assert.equal(seen.readSeq, second.seq);
    assert.equal(seen.deliveredSeq, second.seq, 'read implies delivered');
  });

  test('delivery receipts reach everyone and only move forward', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const tabs = await cell.tabs(t, alice, alice, bob, bob);
    const bob1 = tabs[2];
    const { id } = await alice.create([bob]);
    const message = await alice.send(id, 'did you get this?');
    await bob1.message(message.id);

    const ack = await bob1.must('mark-delivered', { conversationId: id, seq: message.seq });
    assert.equal(ack.deliveredSeq, message.seq);
    for (const tab of tabs) {
      const receipt = await tab.next('messages-delivered');
      assert.deepEqual(receipt, { conversationId: id, deliveredTo: bob.id, deliveredSeq: message.seq });
    }

    const late = await bob1.must('mark-delivered', { conversationId: id, seq: 1 });
    assert.equal(late.deliveredSeq, message.seq);
    const seen = participant(await alice.conversation(id), bob);
    assert.equal(seen.deliveredSeq, message.seq);
    assert.ok(seen.readSeq < message.seq, 'delivered is not read');
  });

  test('a tab that leaves the conversation still hears of messages, and is notified again', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [tab] = await cell.tabs(t, bob);
    const { id } = await alice.create([bob]);

    await tab.join(id);
    const quiet = await alice.send(id, 'while it is open');
    await tab.message(quiet.id);
    await tab.must('leave-conversation', id);
    const loud = await alice.send(id, 'after it was closed');
    await tab.message(loud.id);
    await tab.next('notification', (data) => data.messageId === loud.id);
    assert.deepEqual(tab.all('notification').map((data) => data.messageId), [loud.id]);
  });

  test('a preview is at most 140 characters, however wide', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [tab] = await cell.tabs(t, bob);
    const { id } = await alice.create([bob]);
    await alice.send(id, '🎭'.repeat(200));

    const { preview } = await tab.next('notification');
    const characters = [...preview];
    assert.ok(characters.length <= 140 && characters.length >= 130, `${characters.length} characters`);
    assert.equal(characters[0], '🎭');
    assert.doesNotMatch(preview, /\ufffd/);
  });

  test('ready comes first and names the user and the connection', async (t) => {
    const alice = server.user('alice');
    const [one, two] = await cell.tabs(t, alice, alice);
    for (const tab of [one, two]) {
      const { event, data, rest } = tab.heard[0];
      assert.equal(event, 'ready');
      assert.equal(data.userId, alice.id);
      isTime(data.serverTime);
      assert.equal(typeof rest.at(-1), 'string', 'the cursor');
    }
    assert.equal(typeof one.heard[0].data.connectionId, 'string');
    assert.notEqual(one.heard[0].data.connectionId, two.heard[0].data.connectionId);
  });

  test('sequenced events and receipts end with a cursor', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [tab] = await cell.tabs(t, bob);
    const { id } = await alice.create([bob]);
    await alice.send(id, 'hello');
    await bob.read(id);
    await tab.next('messages-read');
    await alice.deleteConversation(id);
    await tab.next('conversation-deleted');

    const announced = ['conversation-updated', 'new-message', 'messages-read', 'conversation-deleted'];
    for (const entry of tab.heard.filter(({ event }) => announced.includes(event))) {
      assert.equal(entry.rest.length, 1, entry.event);
      assert.equal(typeof entry.rest[0], 'string', entry.event);
    }
  });

  if (cell.transport === 'upgrade') {
    test('the connection ends up on WebSocket and loses nothing on the way', async (t) => {
      const [alice, bob] = server.users('alice', 'bob');
      const { id } = await alice.create([bob]);
      const tab = cell.open(t, server.url, { token: bob.token() });
      await tab.ready();
      const seqs = [];
      do seqs.push((await alice.send(id, `message ${seqs.length}`)).seq);
      while (tab.socket.io.engine.transport.name !== 'websocket' && seqs.length < 500);
      await tab.upgraded();
      const fence = await alice.send(id, 'over WebSocket');
      await tab.message(fence.id);
      assert.deepEqual(tab.seqs(id), [...seqs, fence.seq]);
    });
  }
});

test('a receipt names the newest 100 of the messages read', async (t) => {
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const tab = await cellOf().tab(t, alice);
  const sent = [];
  for (let i = 0; i < 120; i += 1) sent.push((await alice.send(id, `number ${i}`)).id);
  const { readSeq } = await bob.read(id);
  const receipt = await tab.next('messages-read');
  assert.equal(receipt.readSeq, readSeq);
  assert.deepEqual(receipt.messageIds.toSorted(), sent.slice(-100).toSorted());
});

test('in a conversation of more than 100 receipts are stored but not announced', async (t) => {
  const [alice, bob] = server.users('alice', 'bob');
  const crowd = Array.from({ length: 100 }, (_, i) => ({ id: `one-of-many-${i}` }));
  const { id } = await alice.create([bob, ...crowd]);
  const tab = await cellOf().tab(t, alice);
  const message = await alice.send(id, 'to all');
  assert.equal((await bob.read(id)).unreadCount, 0);
  assert.equal(participant(await alice.conversation(id), bob).readSeq, message.seq);
  const fence = await alice.send(id, 'fence');
  await tab.message(fence.id);
  assert.deepEqual(tab.all('messages-read'), []);
});
