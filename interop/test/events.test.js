// What a client may emit, with and without an acknowledgement, and what it hears when it is wrong.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matrix } from '../lib/matrix.js';
import { eventually } from '../lib/recorder.js';
import { Server } from '../lib/server.js';
import { isMessage, isTime, NOBODYS_ID } from '../lib/shapes.js';
import { now } from '../lib/token.js';

const server = await Server.forThisFile();

matrix('events with an acknowledgement', {}, (cell) => {
  test('each event adds what the contract says', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [tab] = await cell.tabs(t, bob);
    const { id } = await alice.create([bob]);
    const theirs = await alice.send(id, 'hello');

    assert.deepEqual(await tab.must('join-conversation', id), { ok: true, lastSeq: 2, typing: [] });
    await tab.must('typing-start', id);
    await tab.must('typing-stop', id);
    const { message } = await tab.must('send-message', { conversationId: id, content: 'hi', clientMessageId: 'c-1' });
    isMessage(message);
    assert.equal(message.seq, 3);
    assert.equal(message.senderId, bob.id);
    assert.equal(message.clientMessageId, 'c-1');
    const delivered = await tab.must('mark-delivered', { conversationId: id, seq: theirs.seq });
    assert.equal(delivered.deliveredSeq, theirs.seq);
    const read = await tab.must('mark-read', { conversationId: id, messageIds: [theirs.id] });
    assert.equal(read.readSeq, theirs.seq);
    assert.equal(read.unreadCount, 0);
    await tab.must('leave-conversation', id);
    const exp = now() + 7200;
    const { expiresAt } = await tab.must('refresh-token', { token: bob.token({ exp }) });
    isTime(expiresAt);
    assert.equal(Date.parse(expiresAt), exp * 1000);
    // In milliseconds by mistake: as far as can be written.
    const late = await tab.must('refresh-token', { token: bob.token({ exp: exp * 1000 }) });
    assert.ok(Date.parse(late.expiresAt) > Date.parse('9999-01-01'), late.expiresAt);
  });

  test('a fresh token may bring another name', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [tab] = await cell.tabs(t, bob);
    const { id } = await alice.create([bob]);
    await tab.must('refresh-token', { token: bob.token({ name: 'Robert' }) });
    const { message } = await tab.must('send-message', { conversationId: id, content: 'hi' });
    assert.equal(message.senderName, 'Robert');
    const { participants } = await alice.conversation(id);
    assert.equal(participants.find(({ userId }) => userId === bob.id).name, 'Robert');
  });

  test('an unknown event is refused and the connection lives on', async (t) => {
    const [tab] = await cell.tabs(t, server.user('alice'));
    assert.equal(await tab.mustNot('make-coffee', { sugar: 2 }), 'unknown_event');
    assert.equal(await tab.mustNot('make-coffee'), 'unknown_event');
    assert.equal(await tab.mustNot('new-message', {}), 'unknown_event', 'the server’s own events');
    assert.deepEqual(tab.disconnects, []);
    assert.equal(tab.socket.connected, true);
  });

  test('malformed data is refused and the connection lives on', async (t) => {
    const alice = server.user('alice');
    const [tab] = await cell.tabs(t, alice);
    const { id } = await alice.create();
    for (const event of ['join-conversation', 'leave-conversation', 'typing-start', 'typing-stop']) {
      assert.equal(await tab.mustNot(event), 'invalid_data', `${event} without data`);
      for (const data of [7, null, true, { id }, [id], Buffer.from(id)]) {
        assert.equal(await tab.mustNot(event, data), 'invalid_data', `${event} ${JSON.stringify(data)}`);
      }
    }
    // What serde would take for an object.
    for (const [event, data] of [['send-message', [id, 'hello', 'c-1']], ['mark-delivered', [id, 1]], ['mark-read', [id, null]]]) {
      assert.equal(await tab.mustNot(event, data), 'invalid_data', `${event} ${JSON.stringify(data)}`);
    }
    const send = { conversationId: id, content: 'hello' };
    const malformed = {
      'send-message': [
        undefined, 'hello', { content: 'hello' }, { ...send, conversationId: 1 },
        { conversationId: id }, { ...send, content: '' }, { ...send, content: 7 },
        { ...send, content: 'x'.repeat(8_001) }, { ...send, content: 'nul \u0000' },
        { ...send, clientMessageId: '' }, { ...send, clientMessageId: 'x'.repeat(65) }, { ...send, clientMessageId: 7 },
      ],
      'mark-read': [undefined, id, {}, { conversationId: id, messageIds: 'all' }, { conversationId: id, messageIds: [1] }],
      'mark-delivered': [
        undefined, id, { seq: 1 }, { conversationId: id },
        { conversationId: id, seq: '1' }, { conversationId: id, seq: -1 }, { conversationId: id, seq: 1.5 },
      ],
      'refresh-token': [undefined, 'token', {}, { token: 7 }],
    };
    for (const [event, list] of Object.entries(malformed)) {
      for (const data of list) {
        const args = data === undefined ? [] : [data];
        const code = await tab.mustNot(event, ...args);
        assert.equal(code, 'invalid_data', `${event} ${JSON.stringify(data)?.slice(0, 100)}`);
      }
    }
    await tab.must('send-message', { ...send, content: '🎬'.repeat(8_000), clientMessageId: 'é'.repeat(64) });
    assert.deepEqual(tab.disconnects, []);
  });

  test('a conversation of others does not exist', async (t) => {
    const [alice, mallory] = server.users('alice', 'mallory');
    const [tab] = await cell.tabs(t, mallory);
    const { id } = await alice.create();
    const message = await alice.send(id, 'private');
    for (const conversationId of [id, NOBODYS_ID]) {
      assert.equal(await tab.mustNot('join-conversation', conversationId), 'not_found');
      assert.equal(await tab.mustNot('send-message', { conversationId, content: 'hello' }), 'not_found');
      assert.equal(await tab.mustNot('mark-read', { conversationId, messageIds: [message.id] }), 'not_found');
      assert.equal(await tab.mustNot('mark-delivered', { conversationId, seq: 1 }), 'not_found');
    }
  });
});

matrix('events without an acknowledgement', {}, (cell) => {
  test('do their work all the same', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [hers, his] = await cell.tabs(t, alice, bob);
    const { id } = await alice.create([bob]);

    his.emit('join-conversation', id);
    hers.emit('send-message', { conversationId: id, content: 'hello' });
    const { message } = await his.next('new-message');
    his.emit('mark-delivered', { conversationId: id, seq: message.seq });
    await hers.next('messages-delivered', (data) => data.deliveredSeq === message.seq);
    his.emit('mark-read', { conversationId: id, messageIds: [message.id] });
    await hers.next('messages-read', (data) => data.readSeq === message.seq);
    hers.emit('typing-start', id);
    await his.next('user-typing');
    hers.emit('typing-stop', id);
    await his.next('user-stop-typing');
    his.emit('leave-conversation', id);
    await eventually(async () => {
      const { id: messageId } = await alice.send(id, 'have you left?');
      await his.message(messageId);
      return his.all('notification').length > 0;
    }, 'a notification after leaving');
    assert.deepEqual(hers.all('error'), []);
    assert.deepEqual(his.all('error'), []);
  });

  test('are answered with an error event when they are wrong', async (t) => {
    const [tab] = await cell.tabs(t, server.user('alice'));
    const cases = [
      ['make-coffee', {}, 'unknown_event'],
      ['join-conversation', 7, 'invalid_data'],
      ['join-conversation', NOBODYS_ID, 'not_found'],
      ['send-message', { conversationId: NOBODYS_ID, content: 'hello' }, 'not_found'],
      ['send-message', {}, 'invalid_data'],
      ['refresh-token', { token: 'nonsense' }, 'invalid_token'],
    ];
    for (const [event, data, code] of cases) {
      const before = tab.all('error').length;
      tab.emit(event, data);
      const error = (await tab.count('error', before + 1)).at(-1);
      assert.equal(error.code, code, event);
      assert.equal(error.event, event);
      assert.equal(typeof error.message, 'string');
    }
    assert.equal(tab.socket.connected, true);
  });
});

matrix('sending through the socket', {}, (cell) => {
  test('the order of rapid emits is the order of seq', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [hers, his] = await cell.tabs(t, alice, bob);
    const { id } = await alice.create([bob]);
    const contents = Array.from({ length: 60 }, (_, i) => `line ${i}`);
    const acks = await Promise.all(contents.map((content) => hers.must('send-message', { conversationId: id, content })));

    assert.deepEqual(acks.map((ack) => ack.message.seq), contents.map((_, i) => i + 2));
    assert.deepEqual(acks.map((ack) => ack.message.content), contents);
    for (const tab of [hers, his]) {
      const heard = await tab.count('new-message', contents.length);
      assert.deepEqual(heard.map((data) => data.message.content), contents);
    }
  });

  test('a message sent again is acknowledged again and delivered once', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [hers, his] = await cell.tabs(t, alice, bob);
    const { id } = await alice.create([bob]);
    const message = { conversationId: id, content: 'only once', clientMessageId: 'same' };
    const [one, two] = await Promise.all([hers.must('send-message', message), hers.must('send-message', message)]);
    const three = await hers.must('send-message', { ...message, content: 'only once, edited' });
    assert.deepEqual(two.message, one.message);
    assert.deepEqual(three.message, one.message);

    const path = `/messages/conversations/${id}/messages`;
    const overRest = await alice.post(path, { content: 'only once' }, { 'idempotency-key': 'same' });
    assert.equal(overRest.status, 200);
    assert.deepEqual(overRest.body, one.message);

    const mine = await his.must('send-message', { ...message, content: 'my own' });
    assert.notEqual(mine.message.id, one.message.id, 'the id is the sender’s');
    const heard = await his.count('new-message', 2);
    assert.deepEqual(heard.map((data) => data.message.id), [one.message.id, mine.message.id]);
    assert.deepEqual(heard.map((data) => data.seq), [2, 3]);
  });
});
