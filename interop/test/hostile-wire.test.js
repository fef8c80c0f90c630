// Clients that break the protocol, flood, or vanish: the others notice nothing, and nothing is left of them.

import assert from 'node:assert/strict';
import net from 'node:net';
import os from 'node:os';
import { test } from 'node:test';
import { cell } from '../lib/matrix.js';
import { Polling } from '../lib/polling.js';
import { RawSocket } from '../lib/raw.js';
import { eventually } from '../lib/recorder.js';
import { Server } from '../lib/server.js';

const WEB_SOCKET = '/socket.io/?EIO=4&transport=websocket';

async function started(t, env) {
  const server = new Server({ MAX_REQUESTS_PER_MINUTE: '1000000', ...env });
  await server.start();
  t.after(() => server.stop());
  return server;
}

async function idle(server) {
  for (const metric of ['callboard_connections', 'callboard_subscriptions']) {
    await eventually(async () => (await server.metric(metric)) === 0, `${metric} to be 0`);
  }
}

test('nothing is left of sessions that end while others begin', async (t) => {
  const server = await started(t);
  const bob = server.user('bob');
  const connect = `40${JSON.stringify({ token: bob.token() })}`;
  const open = async () => {
    const polling = await Polling.open(server.url, '/socket.io/');
    await polling.post(connect);
    await polling.packets(2);
    return polling;
  };
  const begin = async () => (await Polling.open(server.url, '/socket.io/')).post('1');
  // Keeps its worker so busy that what comes meanwhile is handled in one turn.
  const busy = Array(15_000).fill('40/x,').join('\x1e');
  for (let round = 0; round < 5; round += 1) {
    const sessions = await Promise.all(Array.from({ length: 40 }, open));
    const busyOnes = sessions.splice(0, 2 * os.availableParallelism());
    const posts = busyOnes.map((polling) => polling.post(busy).then(() => polling.post('1')));
    const ends = sessions.flatMap((polling) => [polling.post('1'), begin()]);
    await Promise.all([...posts, ...ends]);
  }
  await idle(server);
});

test('a flood of empty fragments does not keep a worker from its other connections', async (t) => {
  const server = await started(t);
  const bob = server.user('bob');
  const head = `GET ${WEB_SOCKET} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n`
    + 'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n';
  const first = Buffer.from([0x01, 0x81, 0, 0, 0, 0, 0x34]);
  const fragments = Buffer.alloc(6 * 100_000, Buffer.from([0x00, 0x80, 0, 0, 0, 0]));
  for (let i = 0; i < os.availableParallelism(); i += 1) {
    const socket = net.connect(server.wirePort, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(head);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.write(first);
    const flood = () => {
      while (!socket.destroyed && socket.write(fragments));
    };
    socket.on('drain', flood);
    flood();
  }
  await Promise.all(Array.from({ length: 8 }, () => cell().tab(t, bob)));
});

test('leaving and coming back on one connection does not renew what it may send', async (t) => {
  const server = await started(t);
  const alice = server.user('alice');
  const raw = await RawSocket.open(t, server.url + WEB_SOCKET);
  const answers = [];
  for (let round = 0; round < 2; round += 1) {
    raw.send(`40${JSON.stringify({ token: alice.token() })}`);
    await raw.find((frame) => frame.startsWith('42["ready"'));
    for (let i = 0; i < 100; i += 1) raw.send('421["typing-stop","nobody"]');
    for (let i = 0; i < 100; i += 1) answers.push(await raw.find((frame) => frame.startsWith('431')));
    raw.send('41');
  }
  assert.ok(answers.slice(100).filter((answer) => answer.includes('rate_limited')).length > 90);
});

test('whatever is sent, on either transport, the server goes on and nothing stays behind', async (t) => {
  const server = await started(t, { CONNECT_TIMEOUT: '1', PING_INTERVAL: '1', PING_TIMEOUT: '1' });
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const deep = (open, close, depth) => open.repeat(depth) + close.repeat(depth);
  const frames = [
    '', '0', '2', '5', '6', '7', 'b', 'bAAA', '2probe', '\ufeff42["x"]', '4', '44', '4x', '42', '42{}', '42[]', '42[true]',
    '42[null]', '42["connect"]', '42["x"', '42["\\ud800"]', '42é["x"]', '4299999999999999999999["x"]', '43', '43["x"]', '40',
    '40[]', '40/x,{}', '40/', '41x', '42/x,["x"]', '45-["x"]', '4511-["x"]', '45999999999999999999999-["x"]',
    '451-["x",{"_placeholder":true,"num":1}]', '451-["x",{"_placeholder":true,"num":-0}]', '451-["x"]',
    `42["x",${deep('[', ']', 40_000)}]`, `42${'['.repeat(40_000)}`, `451-["x",${deep('{"a":', '}', 8_000).replace(':}', ':1}')}]`,
    `42["${'n'.repeat(90_000)}"]`, `42["${'n'.repeat(200_000)}"]`, '42["__proto__",{"constructor":1}]', '42[1e999]',
    `42["mark-delivered",{"conversationId":"${id}","seq":9007199254740993}]`, '42["refresh-token",{"token":"a.b.c"}]',
    `42["typing-start",["${id}"]]`, `4218446744073709551615["join-conversation","${id}"]`, '42["join-conversation"]',
  ];
  const connect = `40${JSON.stringify({ token: bob.token() })}`;
  const byWebSocket = async (frame) => {
    const raw = await RawSocket.open(t, server.url + WEB_SOCKET);
    raw.send(connect);
    await raw.find((each) => each.startsWith('42["ready"'));
    raw.send(frame);
    raw.ws.terminate();
  };
  const byPolling = async (frame) => {
    const polling = await Polling.open(server.url, '/socket.io/');
    await polling.post(connect);
    const { status } = await polling.post(frame);
    assert.ok([200, 400, 413].includes(status), `${status} for ${frame.slice(0, 80)}`);
  };
  await Promise.all(frames.flatMap((frame) => [byWebSocket(frame), byPolling(frame)]));

  const tab = await cell().tab(t, bob);
  await tab.message((await alice.send(id, 'still there')).id);
  tab.close();
  await idle(server);
  assert.doesNotMatch(server.log, /panicked/);
});
