// Typing: best effort, but no less than this.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matrix } from '../lib/matrix.js';
import { FLEET, Server } from '../lib/server.js';
import { NOBODYS_ID } from '../lib/shapes.js';

/** Well under the 5 s after which typing stops by itself. */
const AT_ONCE = 3_000;

const server = await Server.forThisFile();

/** Alice and bob with a tab each, both of which have opened the same conversation. */
async function pair(t, cell) {
  const [alice, bob] = server.users('alice', 'bob');
  const [typist, reader] = await cell.tabs(t, alice, bob);
  const { id } = await alice.create([bob]);
  await Promise.all([typist.join(id), reader.join(id)]);
  return { alice, bob, typist, reader, id };
}

const heardTyping = (tab) => tab.heard.map(({ event }) => event).filter((event) => event.includes('typing'));

matrix('typing', {}, (cell) => {
  test('reaches joined sockets of others only', async (t) => {
    const { alice, bob, typist, reader, id } = await pair(t, cell);
    const [typistsOther, readersOther] = await cell.tabs(t, alice, bob);
    await typistsOther.join(id);

    typist.emit('typing-start', id);
    assert.deepEqual(await reader.next('user-typing'), { conversationId: id, userId: alice.id, userName: 'Alice' });
    typist.emit('typing-stop', id);
    assert.deepEqual(await reader.next('user-stop-typing'), { conversationId: id, userId: alice.id });

    const fence = await alice.send(id, 'fence');
    await Promise.all([typist, typistsOther, readersOther].map((tab) => tab.message(fence.id)));
    for (const tab of [typist, typistsOther, readersOther]) assert.deepEqual(heardTyping(tab), []);
  });

  test('is in the answer to whoever joins, but not one’s own', async (t) => {
    const { alice, typist, reader, id } = await pair(t, cell);
    typist.emit('typing-start', id);
    await reader.next('user-typing');
    const typing = [{ userId: alice.id, userName: 'Alice' }];
    if (!FLEET) assert.deepEqual((await reader.must('join-conversation', id)).typing, typing);
    assert.deepEqual((await typist.must('join-conversation', id)).typing, []);
  });

  test('stops when the typist is not a participant any more', async (t) => {
    const { alice, typist, reader, id } = await pair(t, cell);
    await typist.must('typing-start', id);
    await reader.next('user-typing');
    await alice.remove(id, alice);
    await reader.next('user-stop-typing', () => true, AT_ONCE);
  });

  test('is relayed for participants who have not joined', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [typist, reader] = await cell.tabs(t, alice, bob);
    const { id } = await alice.create([bob]);
    await reader.join(id);
    await typist.must('typing-start', id);
    await reader.next('user-typing');
  });

  test('is none of a stranger’s business', async (t) => {
    const { typist, reader, id } = await pair(t, cell);
    const [stranger] = await cell.tabs(t, server.user('mallory'));
    assert.equal(await stranger.mustNot('typing-start', id), 'not_found');
    assert.equal(await stranger.mustNot('typing-stop', id), 'not_found');
    assert.equal(await stranger.mustNot('typing-start', NOBODYS_ID), 'not_found');
    await typist.must('typing-start', id);
    await reader.next('user-typing');
    assert.deepEqual(heardTyping(reader), ['user-typing']);
  });

  test('is debounced, but a stop and a start after a stop go at once', async (t) => {
    const { typist, reader, id } = await pair(t, cell);
    for (let i = 0; i < 5; i += 1) typist.emit('typing-start', id);
    typist.emit('typing-stop', id);
    typist.emit('typing-start', id);
    typist.emit('typing-start', id);
    typist.emit('typing-stop', id);
    await reader.count('user-stop-typing', 2, undefined, AT_ONCE);
    assert.deepEqual(heardTyping(reader), ['user-typing', 'user-stop-typing', 'user-typing', 'user-stop-typing']);
  });

  test('is renewed at most once in 2 s, and does not stop while renewed', async (t) => {
    const { typist, reader, id } = await pair(t, cell);
    const renewing = setInterval(() => typist.emit('typing-start', id), 200);
    t.after(() => clearInterval(renewing));
    await reader.count('user-typing', 4, undefined, 15_000);
    const times = reader.heard.filter(({ event }) => event === 'user-typing').map(({ at }) => at);
    for (let i = 1; i < times.length; i += 1) {
      assert.ok(times[i] - times[i - 1] > 1_500, `${times[i] - times[i - 1]} ms between two`);
    }
    assert.deepEqual(reader.all('user-stop-typing'), []);
  });

  test('stops by itself 5 s after the last start', async (t) => {
    const { typist, reader, id } = await pair(t, cell);
    await typist.must('typing-start', id);
    await reader.next('user-typing');
    const started = performance.now();
    await reader.next('user-stop-typing');
    const lasted = performance.now() - started;
    assert.ok(lasted > 4_000 && lasted < 8_000, `stopped after ${lasted} ms`);
  });

  test('stops when the typist sends through the socket', async (t) => {
    const { typist, reader, id } = await pair(t, cell);
    await typist.must('typing-start', id);
    await reader.next('user-typing');
    await typist.must('send-message', { conversationId: id, content: 'done' });
    await reader.next('user-stop-typing', () => true, AT_ONCE);
  });

  test('stops when the typist sends over REST', async (t) => {
    const { alice, typist, reader, id } = await pair(t, cell);
    await typist.must('typing-start', id);
    await reader.next('user-typing');
    await alice.send(id, 'done');
    await reader.next('user-stop-typing', () => true, AT_ONCE);
  });

  test('stops when the typist disconnects', async (t) => {
    const { typist, reader, id } = await pair(t, cell);
    await typist.must('typing-start', id);
    await reader.next('user-typing');
    typist.close();
    await reader.next('user-stop-typing', () => true, AT_ONCE);
  });

  test('is told to those who join late', async (t) => {
    const { alice, bob, typist, reader, id } = await pair(t, cell);
    await typist.must('typing-start', id);
    await reader.next('user-typing');
    const [late] = await cell.tabs(t, bob);
    const ack = await late.join(id);
    // A gateway that nobody of the conversation was on has not heard of it.
    const unheard = FLEET && ack.typing.length === 0;
    assert.deepEqual(ack.typing, unheard ? [] : [{ userId: alice.id, userName: 'Alice' }]);
    assert.equal(ack.lastSeq, 1);
  });

  test('is not told to those who have left', async (t) => {
    const { alice, bob, typist, reader, id } = await pair(t, cell);
    const [still] = await cell.tabs(t, bob);
    await still.join(id);
    await reader.must('leave-conversation', id);
    await typist.must('typing-start', id);
    await still.next('user-typing');
    const fence = await alice.send(id, 'fence');
    await reader.message(fence.id);
    assert.deepEqual(heardTyping(reader), []);
  });
});
