// The server goes away and comes back: by a drain, by a crash, on the same data.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from '../lib/http.js';
import { allCells, cell } from '../lib/matrix.js';
import { eventually } from '../lib/recorder.js';
import { Server } from '../lib/server.js';

async function started(t, env) {
  const server = new Server({ MAX_REQUESTS_PER_MINUTE: '1000000', ...env });
  await server.start();
  t.after(() => server.stop());
  return server;
}

test('a drain ends with status 0 and every client comes back by itself', async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const tabs = await Promise.all(allCells().map((each) => each.tab(t, bob)));
  const first = await alice.send(id, 'before');
  await Promise.all(tabs.map((tab) => tab.message(first.id)));

  assert.equal(await server.stop(), 0);
  for (const tab of tabs) {
    const reason = await tab.disconnected();
    assert.ok(['transport close', 'transport error'].includes(reason), reason);
    assert.equal(tab.socket.active, true);
    await tab.until(() => tab.attempts > 0, 'an attempt to reconnect');
  }

  const before = tabs.map((tab) => [tab.connects.length, tab.all('ready').length]);
  await server.start();
  for (const [i, tab] of tabs.entries()) {
    const [connections, readies] = before[i];
    assert.equal((await tab.connected(connections + 1)).recovered, false);
    await tab.ready(readies + 1);
  }
  const second = await alice.send(id, 'after');
  await Promise.all(tabs.map((tab) => tab.message(second.id)));
  for (const tab of tabs) assert.deepEqual(tab.seqs(id), [first.seq, second.seq]);
});

test('an idle server drains too', async (t) => {
  const server = await started(t);
  assert.equal(await server.stop(), 0);
});

test('a draining server says that it is not ready, and serves on for DRAIN_DELAY', async (t) => {
  const server = await started(t, { DRAIN_DELAY: '2' });
  const alice = server.user('alice');
  const { id } = await alice.create();
  const tab = await cell().tab(t, alice);
  const stopping = server.stop();
  await eventually(async () => (await request(`${server.adminUrls[0]}/readyz`)).status === 503, 'not ready');
  const message = await alice.send(id, 'still served');
  await tab.message(message.id);
  assert.deepEqual(tab.disconnects, []);
  assert.equal(await stopping, 0);
  assert.notEqual(await tab.disconnected(), 'io server disconnect');
  await server.start();
});

test('after a restart, sync and the events route give exactly what is missing', async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const known = await alice.create([bob], { title: 'known' });
  const lost = await alice.create([bob], { title: 'lost' });
  const untouched = await alice.create([bob], { title: 'untouched' });
  const { tab, proxy } = await cell().frailTab(t, bob);
  const before = await alice.send(known.id, 'before');
  await tab.message(before.id);

  proxy.refuse();
  await tab.disconnected();
  const missed = [await alice.send(known.id, 'one'), await alice.send(known.id, 'two')];
  await alice.rename(known.id, 'renamed');
  await alice.remove(lost.id, bob);
  const joined = await alice.create([bob], { title: 'joined' });
  await server.restart();
  proxy.allow();
  assert.equal((await tab.connected(2)).recovered, false);
  await tab.ready(2);

  const answer = await bob.sync({ [known.id]: before.seq, [lost.id]: lost.lastSeq, [untouched.id]: untouched.lastSeq });
  const entry = answer.conversations.find(({ conversationId }) => conversationId === known.id);
  assert.equal(entry.lastSeq, before.seq + 3);
  assert.equal(entry.more, false);
  assert.deepEqual(entry.events.map(({ seq, event }) => [seq, event]), [
    [before.seq + 1, 'new-message'],
    [before.seq + 2, 'new-message'],
    [before.seq + 3, 'conversation-updated'],
  ]);
  assert.deepEqual(entry.events.slice(0, 2).map(({ data }) => data.message), missed);
  assert.equal(entry.events[2].data.conversation.title, 'renamed');
  const idle = answer.conversations.find(({ conversationId }) => conversationId === untouched.id);
  assert.deepEqual(idle?.events ?? [], []);
  assert.deepEqual(answer.joined.map((conversation) => conversation.id), [joined.id]);
  assert.deepEqual(answer.left, [lost.id]);
  assert.deepEqual(await bob.events(known.id, before.seq), entry.events);
});

test('what was acknowledged survives kill -9, and seq has no gaps', async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const tab = await cell().tab(t, alice);
  const acknowledged = new Map();
  const note = (message) => acknowledged.set(message.id, message);

  const overRest = (async () => {
    for (;;) {
      const sent = await alice.send(id, 'over REST').catch(() => undefined);
      if (!sent) return;
      note(sent);
    }
  })();
  const overSocket = (async () => {
    while (tab.socket.connected) {
      const ack = await Promise.race([
        tab.ask('send-message', { conversationId: id, content: 'over the socket' }),
        tab.disconnected(1, 60_000),
      ]);
      if (ack.ok) note(ack.message);
    }
  })();
  await tab.count('new-message', 40);
  await server.kill();
  await Promise.all([overRest, overSocket]);
  await server.start();

  const events = await bob.events(id);
  assert.deepEqual(events.map(({ seq }) => seq), events.map((_, i) => i + 1));
  const stored = new Map(events.filter(({ event }) => event === 'new-message').map(({ data }) => [data.message.id, data.message]));
  assert.ok(acknowledged.size >= 38);
  for (const [messageId, message] of acknowledged) assert.deepEqual(stored.get(messageId), message);

  await tab.ready(2);
  const after = await alice.send(id, 'after');
  await tab.message(after.id);
  assert.equal(after.seq, events.length + 1);
});
