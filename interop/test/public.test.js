// What is where: CORS and origins, the API's description, the admin listener, the metrics.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../lib/http.js';
import { cell } from '../lib/matrix.js';
import { RawSocket } from '../lib/raw.js';
import { eventually } from '../lib/recorder.js';
import { FLEET, Server } from '../lib/server.js';

const OURS = 'https://app.example.org';
const OURS_TOO = 'http://localhost:3000';
const FOREIGN = 'https://evil.example.net';

const server = await Server.forThisFile({ env: { CLIENT_URL: `${OURS},${OURS_TOO}` } });

const list = (header = '') => header.toLowerCase().split(',').map((item) => item.trim());

function allows(answer, origin) {
  assert.equal(answer.headers['access-control-allow-origin'], origin);
  assert.equal(answer.headers['access-control-allow-credentials'], 'true');
}

function allowsNot(answer) {
  assert.notEqual(answer.headers['access-control-allow-origin'], FOREIGN);
  assert.notEqual(answer.headers['access-control-allow-origin'], '*');
}

describe('CORS', { concurrency: true }, () => {
  for (const origin of [OURS, OURS_TOO]) {
    test(`the preflight of a page of ${origin} gets 204`, async () => {
      for (const path of ['/messages/conversations', '/messages/conversations/x/read', '/messages/sync']) {
        const answer = await request(server.url + path, {
          method: 'OPTIONS',
          headers: {
            origin,
            'access-control-request-method': 'PATCH',
            'access-control-request-headers': 'authorization,content-type,idempotency-key',
          },
        });
        assert.equal(answer.status, 204);
        allows(answer, origin);
        const methods = list(answer.headers['access-control-allow-methods']);
        for (const method of ['get', 'post', 'put', 'patch', 'delete']) assert.ok(methods.includes(method), method);
        const headers = list(answer.headers['access-control-allow-headers']);
        for (const name of ['authorization', 'content-type', 'idempotency-key']) assert.ok(headers.includes(name), name);
      }
    });
  }

  test('good answers and errors carry the headers', async () => {
    const alice = server.user('alice');
    const good = await alice.get('/messages/conversations', { origin: OURS });
    assert.equal(good.status, 200);
    allows(good, OURS);
    assert.ok(list(good.headers.vary).includes('origin'));
    for (const [answer, status] of [
      [await alice.post('/messages/conversations', {}, { origin: OURS }), 400],
      [await request(`${server.url}/messages/conversations`, { headers: { origin: OURS } }), 401],
      [await alice.get('/messages/nothing-here', { origin: OURS }), 404],
      [await alice.post('/messages/sync', { cursors: {}, padding: 'x'.repeat(70_000) }, { origin: OURS }), 413],
    ]) {
      assert.equal(answer.status, status);
      allows(answer, OURS);
    }
  });

  test('a foreign page is allowed nothing', async () => {
    const alice = server.user('alice');
    allowsNot(await alice.get('/messages/conversations', { origin: FOREIGN }));
    const headers = { origin: FOREIGN, 'access-control-request-method': 'POST' };
    allowsNot(await request(`${server.url}/messages/conversations`, { method: 'OPTIONS', headers }));
    allowsNot(await request(`${server.url}/socket.io/?EIO=4&transport=polling`, { headers: { origin: FOREIGN } }));
  });

  test('long-polling allows our pages, errors included', async () => {
    const polling = (query, options) => request(`${server.url}/socket.io/?EIO=4&transport=polling${query}`, options);
    const opened = await polling('', { headers: { origin: OURS } });
    assert.equal(opened.status, 200);
    allows(opened, OURS);
    const lost = await polling('&sid=nobody', { headers: { origin: OURS } });
    assert.equal(lost.status, 400);
    allows(lost, OURS);
    const preflight = await polling('', {
      method: 'OPTIONS',
      headers: { origin: OURS, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    assert.equal(preflight.status, 204);
    allows(preflight, OURS);
  });

  test('a WebSocket of a foreign page is refused with 403, ours and those of no page are not', async (t) => {
    const url = `${server.url}/socket.io/?EIO=4&transport=websocket`;
    for (const origin of [OURS, OURS_TOO, server.url, undefined]) {
      const raw = await RawSocket.open(t, url, { origin });
      assert.match(await raw.receive(), /^0\{/);
    }
    for (const origin of [FOREIGN, 'null', `${OURS}.evil.net`, OURS.replace('https', 'http')]) {
      await assert.rejects(RawSocket.open(t, url, { origin }), { status: 403 }, origin);
    }
  });
});

describe('the public listener', { concurrency: true }, () => {
  test('answers at its root', async () => {
    assert.equal((await request(server.url)).status, 200);
  });

  test('describes the API, every route of it', async () => {
    const answer = await request(`${server.url}/openapi.json`);
    assert.equal(answer.status, 200);
    assert.match(answer.body.openapi, /^3\./);
    const found = Object.entries(answer.body.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{[^}]+\}/g, ':')}`),
    );
    const conversations = '/messages/conversations';
    for (const route of [
      `POST ${conversations}`, `GET ${conversations}`,
      `GET ${conversations}/:`, `PATCH ${conversations}/:`, `DELETE ${conversations}/:`,
      `GET ${conversations}/:/participants`, `POST ${conversations}/:/participants`,
      `DELETE ${conversations}/:/participants/:`,
      `POST ${conversations}/:/messages`, `GET ${conversations}/:/messages`,
      `PATCH ${conversations}/:/read`, `GET ${conversations}/:/events`, 'POST /messages/sync',
    ]) {
      assert.ok(found.includes(route), `${route} in ${found.join(', ')}`);
    }
  });

  test('shows the documentation', async () => {
    let answer = await request(`${server.url}/docs`);
    if (answer.status > 300 && answer.status < 309) answer = await request(new URL(answer.headers.location, `${server.url}/docs`));
    assert.equal(answer.status, 200);
    assert.match(answer.headers['content-type'], /^text\/html/);
  });

  test('gives a token for a name in dev alone', async () => {
    const enter = (body, type = 'application/json') =>
      request(`${server.url}/dev/token`, { method: 'POST', headers: { 'content-type': type }, body: JSON.stringify(body) });
    const answer = await enter({ userId: 'dora', name: 'Dora' });
    if (FLEET) {
      assert.equal(answer.status, 404);
      return;
    }
    assert.equal(answer.status, 200);
    const headers = { authorization: `Bearer ${answer.body.token}` };
    assert.equal((await request(`${server.url}/messages/conversations`, { headers })).status, 200);
    const nobody = await enter({ userId: '' });
    assert.equal(nobody.status, 400);
    assert.deepEqual(nobody.body.errors.map(({ field }) => field), ['userId']);
    // A page of another origin can send a form without asking first; not JSON.
    assert.equal((await enter({ userId: 'dora' }, 'text/plain')).status, 400);
  });

  test('keeps the admin endpoints to the admin listener', async () => {
    for (const path of ['/metrics', '/healthz', '/readyz']) {
      assert.equal((await request(server.url + path)).status, 404, path);
      assert.equal((await request(server.adminUrls[0] + path)).status, 200, path);
    }
    for (const path of ['/messages/conversations', '/socket.io/?EIO=4&transport=polling', '/openapi.json']) {
      assert.equal((await request(server.adminUrls[0] + path)).status, 404, path);
    }
  });
});

test('the metrics count connections, deliveries and errors', async (t) => {
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const opened = (transport) => server.metric('callboard_connections_opened_total', { transport, resume: 'none' });
  const before = { websocket: await opened('websocket'), polling: await opened('polling') };
  const delivered = await server.metric('callboard_delivery_duration_seconds_count');
  const [byWebSocket, byPolling] = [await cell('4.8', 'websocket').tab(t, bob), await cell('4.8', 'polling').tab(t, bob)];
  assert.equal(await opened('websocket'), before.websocket + 1);
  assert.equal(await opened('polling'), before.polling + 1);
  assert.ok((await server.metric('callboard_connections', { transport: 'websocket' })) >= 1);
  assert.ok((await server.metric('callboard_connections', { transport: 'polling' })) >= 1);

  const message = await alice.send(id, 'counted');
  await Promise.all([byWebSocket.message(message.id), byPolling.message(message.id)]);
  assert.ok((await server.metric('callboard_delivery_duration_seconds_count')) > delivered);

  const closed = await server.metric('callboard_connections_closed_total');
  byWebSocket.close();
  await eventually(
    async () => (await server.metric('callboard_connections_closed_total')) > closed,
    'the closed connection to be counted',
  );
  const { text } = await request(`${server.adminUrls[0]}/metrics`);
  for (const name of ['callboard_delivery_duration_seconds', 'callboard_errors_total']) {
    assert.match(text, new RegExp(`^# TYPE ${name} `, 'm'));
  }
});
