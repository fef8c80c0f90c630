// The limits: how often, how large, how many; and what happens past them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../lib/http.js';
import { cell, matrix } from '../lib/matrix.js';
import { RawSocket } from '../lib/raw.js';
import { eventually } from '../lib/recorder.js';
import { Server } from '../lib/server.js';
import { isProblem } from '../lib/shapes.js';

const server = await Server.forThisFile({ limits: 'default' });

/** A server of its own for one test. */
async function started(t, env, options) {
  const other = new Server(env, options);
  await other.start();
  t.after(() => other.stop());
  return other;
}

matrix('a connection that emits too much', { versions: ['4.8'] }, (each) => {
  test('may burst, then gets rate_limited, and lives on', async (t) => {
    const alice = server.user('alice');
    const [tab] = await each.tabs(t, alice);
    const { id } = await alice.create();
    const answers = await Promise.all(Array.from({ length: 130 }, () => tab.ask('typing-stop', id)));
    assert.ok(answers.slice(0, 100).every((answer) => answer.ok), 'a burst of 100');
    const refused = answers.filter((answer) => !answer.ok);
    assert.ok(refused.length > 0);
    for (const { error } of refused) assert.equal(error.code, 'rate_limited');

    // Five a second are allowed again meanwhile.
    for (let i = 0; i < 50; i += 1) tab.emit('typing-stop', id);
    const error = await tab.next('error');
    assert.equal(error.code, 'rate_limited');
    assert.equal(error.event, 'typing-stop');
    assert.equal(tab.socket.connected, true);
  });

  test('is closed when it does not stop', async (t) => {
    const alice = server.user('alice');
    const [tab] = await each.tabs(t, alice);
    const { id } = await alice.create();
    for (let round = 0; round < 200 && tab.disconnects.length === 0; round += 1) {
      for (let i = 0; i < 100; i += 1) tab.emit('typing-stop', id);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.notEqual(await tab.disconnected(), 'io server disconnect');
  });

  test('is closed when it sends more at once than MAX_PAYLOAD', async (t) => {
    const alice = server.user('alice');
    const [tab] = await each.tabs(t, alice);
    const { id } = await alice.create();
    tab.emit('send-message', { conversationId: id, content: 'x'.repeat(110_000) });
    assert.notEqual(await tab.disconnected(), 'io server disconnect');
    await tab.ready(2);
    assert.deepEqual((await alice.events(id)).map(({ seq }) => seq), [1]);
  });

  test('takes nothing from the user’s other connections', async (t) => {
    const alice = server.user('alice');
    const [noisy, quiet] = await each.tabs(t, alice, alice);
    const { id } = await alice.create();
    const answers = await Promise.all(Array.from({ length: 130 }, () => noisy.ask('typing-stop', id)));
    assert.ok(answers.some((answer) => !answer.ok));
    await quiet.must('typing-stop', id);
  });
});

test('a user who requests too much gets 429 with Retry-After, others do not', async () => {
  const [alice, bob] = server.users('alice', 'bob');
  const answers = [];
  while (answers.length < 4_000 && answers.every((answer) => answer.status === 200)) {
    const batch = Array.from({ length: 20 }, () => alice.get('/messages/conversations?limit=1'));
    answers.push(...(await Promise.all(batch)));
  }
  const refused = answers.find((answer) => answer.status !== 200);
  assert.ok(refused, 'a limit');
  isProblem(refused, 429, 'rate_limited');
  assert.ok(answers.filter((answer) => answer.status === 200).length >= 380, 'a burst of 400');
  assert.equal((await bob.get('/messages/conversations')).status, 200);
});

test('the oldest of too many connections of one user is closed', async (t) => {
  const few = await started(t, { MAX_USER_CONNECTIONS: '3' }, { gateways: 1 });
  const alice = few.user('alice');
  const tabs = [];
  for (let i = 0; i < 4; i += 1) {
    tabs.push(await cell().tab(t, alice, { reconnection: false }));
  }
  assert.notEqual(await tabs[0].disconnected(), 'io server disconnect');
  for (const tab of tabs.slice(1)) assert.deepEqual(tab.disconnects, []);
});

test('past MAX_CONNECTIONS a handshake gets 503 with Retry-After, until there is room', async (t) => {
  const small = await started(t, { MAX_CONNECTIONS: '2' }, { gateways: 1 });
  const alice = small.user('alice');
  const [first] = await cell().tabs(t, alice, alice);
  const handshake = () => request(`${small.url}/socket.io/?EIO=4&transport=polling`);
  const refused = await handshake();
  assert.equal(refused.status, 503);
  assert.match(refused.headers['retry-after'], /^\d+$/);
  await assert.rejects(RawSocket.open(t, `${small.url}/socket.io/?EIO=4&transport=websocket`), { status: 503 });
  first.close();
  await eventually(async () => (await handshake()).status === 200, 'room for another');
});

test('past MAX_SUBSCRIPTIONS the rest is heard by joining', async (t) => {
  const narrow = await started(t, { MAX_SUBSCRIPTIONS: '2' });
  const [alice, bob] = narrow.users('alice', 'bob');
  const conversations = [];
  for (let i = 0; i < 4; i += 1) conversations.push(await alice.create([bob]));
  const [oldest] = conversations;
  const [tab] = await cell().tabs(t, bob);
  await tab.join(oldest.id);
  for (const { id } of [oldest, ...conversations.slice(-2)]) {
    const message = await alice.send(id, 'hello');
    await tab.message(message.id);
  }
});
