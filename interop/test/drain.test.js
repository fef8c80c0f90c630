// One gateway of a fleet leaves. What belongs to others goes on without it, and it ends in time.

import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import { cell } from '../lib/matrix.js';
import { Polling } from '../lib/polling.js';
import { RawSocket } from '../lib/raw.js';
import { FLEET, Server } from '../lib/server.js';

const PATH = '/socket.io/';
const AWAY = 1001;

/** Characters of a session id that name its gateway. */
const GATEWAY = 10;

async function started(t, window) {
  const server = new Server({ DRAIN_WINDOW: `${window}` }, { gateways: 2 });
  await server.start();
  t.after(() => server.kill());
  return server;
}

/** A session of a user on long-polling, at one gateway. */
async function polling(server, user, gateway) {
  const session = await Polling.open(server.deployment.gatewayUrl(gateway), PATH);
  await session.post(`40${JSON.stringify({ token: user.token() })}`);
  await session.packets(2);
  return session;
}

/** The same session, by way of another gateway. */
function via(server, session, gateway) {
  const url = new URL(session.url);
  url.host = new URL(server.deployment.gatewayUrl(gateway)).host;
  const webSocketUrl = url.href.replace('transport=polling', 'transport=websocket');
  return Object.assign(new Polling(), session, { url: url.href, webSocketUrl });
}

async function upgraded(t, session) {
  const socket = await RawSocket.open(t, session.webSocketUrl);
  socket.send('2probe');
  assert.equal(await socket.receive(), '3probe');
  socket.send('5');
  return socket;
}

/** A POST of which half the body never comes; resolves once the gateway has its head. */
function halfPost(t, session) {
  const { hostname, port, pathname, search } = new URL(session.url);
  const socket = net.connect(Number(port), hostname);
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  const head = `POST ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n`;
  socket.write(head);
  return new Promise((resolve) => socket.once('data', () => socket.write('4h', resolve)));
}

describe('one gateway leaves', { concurrency: true, skip: !FLEET && 'callboard dev has one' }, () => {
  test('a GET that it passes on is answered and its session lives on; a WebSocket is closed', async (t) => {
    const window = 4;
    const server = await started(t, window);
    const [alice, bob] = server.users('alice', 'bob');
    const { id } = await alice.create([bob]);
    const [stays, moves] = await Promise.all([polling(server, bob, 0), polling(server, bob, 0)]);
    const socket = await upgraded(t, via(server, moves, 1));
    const pending = via(server, stays, 1).get();
    await alice.send(id, 'one');
    // It gets past the answer of this poll only once its GET pends at the owner.
    assert.match((await pending).text, /one/);
    const again = via(server, stays, 1).get();
    await socket.find((frame) => frame.includes('one'));

    const [{ code, seconds }, answer] = await Promise.all([server.deployment.drain(1), again]);
    assert.equal(code, 0);
    assert.ok(seconds < window, `${seconds} s`);
    assert.deepEqual([answer.status, answer.text], [200, '6']);
    await socket.gone();
    assert.equal(socket.code, AWAY);

    await alice.send(id, 'two');
    const packets = await stays.poll();
    assert.ok(packets.some((packet) => packet.includes('two')), packets.join());
  });

  test('clients that poll notice nothing of another gateway than their own', async (t) => {
    const server = await started(t, 4);
    const [alice, bob] = server.users('alice', 'bob');
    const { id } = await alice.create([bob]);
    const stranger = await Polling.open(server.deployment.gatewayUrl(0), PATH);
    const tabs = await Promise.all(Array.from({ length: 12 }, () => cell('4.8', 'polling').tab(t, bob)));
    const stay = (tab) => tab.socket.io.engine.id.slice(0, GATEWAY) === stranger.sid.slice(0, GATEWAY);
    const [own, others] = [tabs.filter(stay), tabs.filter((tab) => !stay(tab))];
    const sent = [await alice.send(id, 'before')];
    await Promise.all(tabs.map((tab) => tab.message(sent[0].id)));

    const leaving = server.deployment.drain(1);
    let left = false;
    leaving.then(() => (left = true));
    while (!left) sent.push(await alice.send(id, 'meanwhile'));
    assert.equal((await leaving).code, 0);
    sent.push(await alice.send(id, 'after'));
    await Promise.all(tabs.map((tab) => tab.message(sent.at(-1).id)));
    for (const tab of tabs) assert.deepEqual(tab.seqs(id), sent.map(({ seq }) => seq));
    for (const tab of own) assert.deepEqual(tab.disconnects, []);
    for (const tab of others) assert.equal((await tab.connected(2)).recovered, true);
    assert.ok(own.length > 0 && others.length > 0);
  });

  test('it ends within DRAIN_WINDOW, whatever its clients do', async (t) => {
    const window = 24;
    const server = await started(t, window);
    const [alice] = server.users('alice');
    const sessions = await Promise.all([0, 0, 0, 1, 1, 1].map((gateway) => polling(server, alice, gateway)));
    const [, deaf, posts, waits, heard, elsewhere] = sessions;
    (await upgraded(t, deaf)).ws.pause();
    (await upgraded(t, via(server, heard, 0))).ws.pause();
    const pending = via(server, waits, 0).get();
    await Promise.all([halfPost(t, posts), halfPost(t, via(server, elsewhere, 0))]);

    const { code, seconds } = await server.deployment.drain(0, 2 * window * 1_000);
    assert.equal(code, 0);
    assert.ok(seconds < window, `${seconds} s`);
    assert.equal((await pending).text, '6');
    assert.equal((await waits.post('3')).status, 200);
  });

  test('a second signal ends it at once', async (t) => {
    const server = await started(t, 60);
    const alice = server.user('alice');
    const pending = (await polling(server, alice, 0)).get().catch(() => undefined);
    const first = server.deployment.drain(1);
    const { seconds } = await server.deployment.drain(1);
    assert.ok(seconds < 5, `${seconds} s`);
    await Promise.all([first, pending]);
  });
});
