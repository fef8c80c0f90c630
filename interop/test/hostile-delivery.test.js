// Sequences of events that could lose, double or leak something: each was a hole once, or nearly one.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cell } from '../lib/matrix.js';
import { RawSocket } from '../lib/raw.js';
import { eventually } from '../lib/recorder.js';
import { Server } from '../lib/server.js';

async function started(t, env) {
  const server = new Server({ MAX_REQUESTS_PER_MINUTE: '1000000', MAX_EVENTS_PER_MINUTE: '1000000', ...env });
  await server.start();
  t.after(() => server.stop());
  return server;
}

/** What a session has to show to be recovered. */
const claim = (tab) => ({ pid: tab.socket._pid, offset: tab.socket._lastOffset });

/** Connects with a claim; resolves to what came up to `ready`, and whether the session was recovered. */
async function comeBack(t, server, user, { pid, offset }) {
  const raw = await RawSocket.open(t, `${server.url}/socket.io/?EIO=4&transport=websocket`);
  raw.send(`40${JSON.stringify({ token: user.token(), pid, offset })}`);
  await raw.until(() => raw.frames.some((frame) => frame.startsWith('42["ready"')), 'ready');
  const connect = JSON.parse(raw.frames.find((frame) => frame.startsWith('40')).slice(2));
  const events = raw.frames.filter((frame) => frame.startsWith('42')).map((frame) => JSON.parse(frame.slice(2)));
  raw.ws.terminate();
  return { recovered: connect.pid === pid, events };
}

test('a recovered session stays in conversations that the bus knows nothing of', async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const quiet = await alice.create([bob]);
  const busy = await alice.create([bob]);
  await server.restart();
  const { tab, proxy } = await cell().frailTab(t, bob);
  const seen = await alice.send(busy.id, 'seen');
  await tab.message(seen.id);

  proxy.cut();
  assert.equal((await tab.connected(2)).recovered, true);
  await tab.ready(2);
  const message = await alice.send(quiet.id, 'the first after the restart');
  const fence = await alice.send(busy.id, 'fence');
  await tab.message(fence.id);
  assert.deepEqual(tab.seqs(quiet.id), [message.seq]);
});

test('what was published before a restart is not published again after it', async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const tab = await cell().tab(t, bob);
  const before = await alice.send(id, 'before');
  await tab.message(before.id);
  await server.restart();
  await tab.ready(2);
  // Once nothing is left in the outbox, nothing can be published again; the fence comes after it.
  const fence = await alice.create([bob]);
  await eventually(async () => (await server.metric('callboard_outbox_pending')) === 0, 'an empty outbox');
  const last = await alice.send(fence.id, 'fence');
  await tab.message(last.id);
  assert.deepEqual(tab.seqs(id), [before.seq]);
});

test('what lies in a log before somebody was added does not count against what they have missed', async (t) => {
  const server = await started(t, { REPLAY_LIMIT: '10' });
  const [alice, bob] = server.users('alice', 'bob');
  const { tab, proxy } = await cell().frailTab(t, bob);
  const { id } = await alice.create();
  proxy.refuse();
  await tab.disconnected();
  for (let i = 0; i < 20; i += 1) await alice.send(id, 'before bob');
  await alice.add(id, bob);
  const seqs = [(await alice.send(id, 'one')).seq, (await alice.send(id, 'two')).seq];
  proxy.allow();
  const { recovered } = await tab.connected(2);
  await tab.ready(2);
  assert.deepEqual(tab.seqs(id), recovered ? seqs : []);
});

test('past MAX_SUBSCRIPTIONS nothing is skipped in silence', async (t) => {
  const server = await started(t, { MAX_SUBSCRIPTIONS: '2' });
  const [alice, bob] = server.users('alice', 'bob');
  const ids = [];
  for (let i = 0; i < 4; i += 1) ids.push((await alice.create([bob])).id);
  const [other, another, heard, last] = ids;
  const tab = await cell().tab(t, bob);
  await tab.message((await alice.send(last, 'seen')).id);
  const session = claim(tab);
  tab.close();
  await alice.send(last, 'missed');
  assert.equal((await comeBack(t, server, bob, session)).recovered, true, 'one of the two was quiet');

  await alice.send(heard, 'missed, and less active than the others');
  for (const id of [other, another]) await alice.send(id, 'not to be heard of');
  assert.equal((await comeBack(t, server, bob, session)).recovered, false);
});

test('nobody is recovered past a removal that nothing can tell them of any more', async (t) => {
  const server = await started(t, { RECOVERY_WINDOW: '1' });
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const tab = await cell().tab(t, bob);
  await tab.message((await alice.send(id, 'seen')).id);
  const session = claim(tab);
  tab.close();
  await alice.send(id, 'missed');
  await alice.remove(id, bob);
  await eventually(async () => {
    const { recovered, events } = await comeBack(t, server, bob, session);
    const names = events.map(([name]) => name);
    if (recovered) assert.deepEqual(names, ['new-message', 'conversation-deleted', 'ready']);
    return !recovered;
  }, 'the log to have expired');
});

test('a receipt of after the removal is not replayed', async (t) => {
  const server = await started(t);
  const [alice, bob, carol] = server.users('alice', 'bob', 'carol');
  const { id } = await alice.create([bob, carol]);
  const tab = await cell().tab(t, bob);
  await tab.message((await alice.send(id, 'seen')).id);
  const session = claim(tab);
  tab.close();
  await alice.remove(id, bob);
  await carol.read(id);
  const witness = await cell().tab(t, alice);
  const fence = await alice.send(id, 'fence');
  await witness.message(fence.id);
  const { recovered, events } = await comeBack(t, server, bob, session);
  assert.equal(recovered, true);
  assert.deepEqual(events.map(([name]) => name), ['conversation-deleted', 'ready']);
});

test('whoever was removed while away is out, recovered or not', async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const tab = await cell().tab(t, bob);
  const { pid } = claim(tab);
  tab.close();
  await alice.remove(id, bob);
  const back = cell().open(t, server.url, { auth: { token: bob.token(), pid, offset: '00000000.1.1' } });
  await back.ready();
  for (const event of ['typing-start', 'typing-stop', 'leave-conversation', 'join-conversation']) {
    assert.equal(await back.mustNot(event, id), 'not_found', event);
  }
});

test('of many connections that claim one session, one stays, and it has everything once', async (t) => {
  const server = await started(t);
  for (let round = 0; round < 5; round += 1) {
    const [alice, bob] = server.users('alice', 'bob');
    const { id } = await alice.create([bob]);
    const tab = await cell().tab(t, bob);
    await tab.message((await alice.send(id, 'seen')).id);
    const session = claim(tab);
    tab.close();
    const missed = await alice.send(id, 'missed');
    const auth = { token: bob.token(), ...session };
    const tabs = Array.from({ length: 20 }, () => cell().open(t, server.url, { auth, reconnection: false }));
    const alive = () => tabs.filter((each) => each.socket.connected && each.all('ready').length > 0);
    const gone = () => tabs.filter((each) => each.disconnects.length > 0);
    await eventually(() => gone().length === 19 && alive().length === 1, 'one to stay');
    const [last] = alive();
    const live = await alice.send(id, 'live');
    await last.message(live.id);
    assert.deepEqual(last.seqs(id), [missed.seq, live.seq]);
  }
});

test('one clientMessageId is one message, however many ways it is sent at once', async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const [tab, ...senders] = await Promise.all([bob, alice, alice].map((user) => cell().tab(t, user)));
  for (let round = 0; round < 10; round += 1) {
    const clientMessageId = `round-${round}`;
    const content = 'once';
    const answers = await Promise.all([
      ...senders.flatMap((each) => [1, 2].map(() => each.ask('send-message', { conversationId: id, content, clientMessageId }))),
      ...[1, 2, 3, 4].map(() =>
        alice.post(`/messages/conversations/${id}/messages`, { content }, { 'idempotency-key': clientMessageId })),
    ]);
    const ids = answers.map((answer) => answer.message?.id ?? answer.body?.id);
    assert.deepEqual([...new Set(ids)], [ids[0]]);
    assert.ok(answers.filter((answer) => answer.status === 201).length <= 1);
  }
  const fence = await alice.send(id, 'fence');
  await tab.message(fence.id);
  assert.equal(tab.seqs(id).length, 11);
});
