// A client that stops reading is disconnected, counted, and loses nothing by it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cell } from '../lib/matrix.js';
import { RawSocket } from '../lib/raw.js';
import { Server } from '../lib/server.js';

const CLOSED = 'callboard_connections_closed_total';
const SLOW = { reason: 'slow_consumer' };

// 32 kB a message: the kernel's buffers, which come before the server's queue, take some megabytes.
const BULK = '🎬'.repeat(8_000);

async function started(t) {
  const server = new Server({ SEND_QUEUE: '524288', MAX_REQUESTS_PER_MINUTE: '1000000' });
  await server.start();
  t.after(() => server.stop());
  return server;
}

/** Sends until the server has closed a slow consumer; resolves to the seqs. */
async function sendUntilClosed(server, sender, id) {
  const before = await server.metric(CLOSED, SLOW);
  const seqs = [];
  while ((await server.metric(CLOSED, SLOW)) === before) {
    assert.ok(seqs.length < 900, 'closed before this many messages');
    for (let i = 0; i < 10; i += 1) seqs.push((await sender.send(id, BULK)).seq);
  }
  return seqs;
}

test('a WebSocket nobody reads from is closed, and its neighbours notice nothing', { timeout: 60_000 }, async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const neighbour = await cell().tab(t, bob);
  const slow = await RawSocket.open(t, `${server.url}/socket.io/?EIO=4&transport=websocket`);
  slow.send(`40${JSON.stringify({ token: bob.token() })}`);
  await slow.find((frame) => frame.startsWith('42["ready"'));

  slow.ws.pause();
  const seqs = await sendUntilClosed(server, alice, id);
  slow.ws.resume();
  await slow.gone();
  await neighbour.count('new-message', seqs.length);
  assert.deepEqual(neighbour.seqs(id), seqs);
  assert.deepEqual(neighbour.disconnects, []);
});

test('a stock client that was too slow recovers what it missed', { timeout: 60_000 }, async (t) => {
  const server = await started(t);
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const { tab, proxy } = await cell().frailTab(t, bob);

  proxy.stall();
  const seqs = await sendUntilClosed(server, alice, id);
  proxy.allow();
  await tab.connected(2);
  assert.equal(tab.connects[1].recovered, true);
  const fence = await alice.send(id, 'fence');
  await tab.message(fence.id, 30_000);
  assert.deepEqual(tab.seqs(id), [...seqs, fence.seq]);
});
