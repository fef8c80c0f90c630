// Engine.IO v4 against the conformance example, packet by packet and with the stock client.

import assert from 'node:assert/strict';
import http from 'node:http';
import { describe, test } from 'node:test';
import { Socket } from 'engine.io-client';
import { conformanceServer } from '../lib/conformance.js';
import { request } from '../lib/http.js';
import { Polling, SEPARATOR } from '../lib/polling.js';
import { RawSocket } from '../lib/raw.js';
import { eventually, Recorder } from '../lib/recorder.js';

const url = await conformanceServer();
const webSocketUrl = `${url}/engine.io/?EIO=4&transport=websocket`;

const MESSAGES = {
  0: 'Transport unknown',
  1: 'Session ID unknown',
  2: 'Bad handshake method',
  3: 'Bad request',
  5: 'Unsupported protocol version',
};

function isRefusal(answer, code) {
  assert.equal(answer.status, 400, answer.text);
  assert.deepEqual(JSON.parse(answer.text), { code, message: MESSAGES[code] });
}

const hasEnded = async (session) => isRefusal(await session.get(), 1);

describe('the handshake', { concurrency: true }, () => {
  const settings = { pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 };

  test('over polling', async () => {
    const { opened, handshake } = await Polling.open(url);
    assert.equal(opened.status, 200);
    assert.match(opened.headers['content-type'], /^text\/plain; *charset=utf-8$/i);
    assert.equal(opened.headers['cache-control'], 'no-store');
    assert.equal(opened.text[0], '0');
    const { sid, ...rest } = handshake;
    assert.equal(typeof sid, 'string');
    assert.deepEqual(rest, { upgrades: ['websocket'], ...settings });
  });

  test('over WebSocket', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl);
    const frame = await raw.receive();
    assert.equal(frame[0], '0');
    const { sid, ...rest } = JSON.parse(frame.slice(1));
    assert.equal(typeof sid, 'string');
    assert.deepEqual(rest, { upgrades: [], ...settings });
  });

  test('t is ignored', async () => {
    const answer = await request(`${url}/engine.io/?EIO=4&transport=polling&t=abc123`);
    assert.equal(answer.status, 200);
  });

  for (const [query, code] of [
    ['EIO=4', 0],
    ['EIO=4&transport=', 0],
    ['EIO=4&transport=abc', 0],
    ['EIO=4&transport=polling&sid=nobody', 1],
    ['EIO=4&transport=websocket', 3],
    ['transport=polling', 5],
    ['EIO=3&transport=polling', 5],
    ['EIO=abc&transport=polling', 5],
  ]) {
    test(`GET ?${query} is refused with code ${code}`, async () => {
      isRefusal(await request(`${url}/engine.io/?${query}`), code);
    });
  }

  test('is a GET', async () => {
    isRefusal(await request(`${url}/engine.io/?EIO=4&transport=polling`, { method: 'POST', body: '4hello' }), 2);
    isRefusal(await request(`${url}/engine.io/?EIO=4&transport=polling`, { method: 'PUT' }), 2);
  });

  test('a WebSocket of another version, transport or session is refused', async (t) => {
    for (const query of ['transport=websocket', 'EIO=3&transport=websocket', 'EIO=4', 'EIO=4&transport=abc', 'EIO=4&transport=websocket&sid=nobody']) {
      await assert.rejects(async () => {
        const raw = await RawSocket.open(t, `${url}/engine.io/?${query}`);
        await raw.receive();
      }, query);
    }
  });
});

describe('polling', { concurrency: true }, () => {
  test('echoes, one packet and several', async () => {
    const session = await Polling.open(url);
    const posted = await session.post('4hello');
    assert.equal(posted.status, 200);
    assert.equal(posted.text, 'ok');
    assert.match(posted.headers['content-type'], /^text\/html/);
    assert.deepEqual(await session.poll(), ['4hello']);
    await session.post(['4one', '4two €', '4', '43'].join(SEPARATOR));
    assert.deepEqual(await session.packets(4), ['4one', '4two €', '4', '43']);
  });

  test('echoes binary as base64', async () => {
    const session = await Polling.open(url);
    await session.post(['bAQIDBA==', '4and text', 'b'].join(SEPARATOR));
    assert.deepEqual(await session.packets(3), ['bAQIDBA==', '4and text', 'b']);
  });

  test('a GET brings at most the 16 packets that python-engineio takes', async () => {
    const session = await Polling.open(url);
    const packets = Array.from({ length: 40 }, (_, i) => `4number ${i}`);
    await session.post(packets.join(SEPARATOR));
    const found = [];
    while (found.length < packets.length) {
      const some = await session.poll();
      assert.ok(some.length <= 16, `${some.length} packets in one payload`);
      found.push(...some);
    }
    assert.deepEqual(found, packets);
  });

  test('a GET waits for something to say', async () => {
    const session = await Polling.open(url);
    const pending = session.get();
    await session.post('4late');
    assert.equal((await pending).text, '4late');
  });

  for (const body of ['abc', '', '9', `4fine${SEPARATOR}abc`]) {
    test(`the malformed payload ${JSON.stringify(body)} is refused and ends the session`, async () => {
      const session = await Polling.open(url);
      assert.equal((await session.post(body)).status, 400);
      await hasEnded(session);
    });
  }

  test('a body over the limit gets 413, with or without a length', async () => {
    const body = `4${'x'.repeat(1_000_001)}`;
    const session = await Polling.open(url);
    assert.equal((await session.post(body, { headers: { 'content-length': body.length } })).status, 413);
    const chunked = await Polling.open(url);
    const answer = await chunked.post(body).catch((error) => error);
    assert.ok(answer.status === 413 || ['ECONNRESET', 'EPIPE'].includes(answer.code), answer.text ?? answer.code);
  });

  test('a body at the limit is fine', async () => {
    const session = await Polling.open(url);
    const body = `4${'x'.repeat(999_999)}`;
    assert.equal((await session.post(body)).status, 200);
    const [packet] = await session.poll();
    assert.equal(packet, body);
  });

  test('two GETs at once end the session', async () => {
    const session = await Polling.open(url);
    let sent;
    const written = new Promise((resolve) => (sent = resolve));
    const first = session.get({ onRequest: (outgoing) => outgoing.on('finish', sent) });
    await written;
    const answers = await Promise.all([first, session.get()]);
    answers.sort((a, b) => a.status - b.status);
    assert.deepEqual(answers.map(({ status }) => status), [200, 400]);
    assert.equal(answers[0].text, '1');
    await hasEnded(session);
  });

  test('two POSTs at once end the session', async () => {
    const session = await Polling.open(url);
    const half = halfPost(session.url);
    half.on('error', () => {});
    const status = await eventually(async () => {
      const answer = await session.post('4second').catch(() => undefined);
      return answer?.status === 200 ? undefined : answer?.status;
    }, 'the second POST to be refused');
    assert.equal(status, 400);
    await hasEnded(session);
    half.destroy();
  });

  test('a GET that the client gives up ends the session', async () => {
    const session = await Polling.open(url);
    let abandon;
    const pending = session.get({ onRequest: (outgoing) => (abandon = outgoing) }).catch(() => {});
    await new Promise((resolve) => abandon.on('finish', resolve));
    await session.post('2');
    abandon.destroy();
    await pending;
    await eventually(async () => (await session.post('3')).status === 400, 'the session to end', 450);
  });

  test('a POST that the client gives up ends the session', async () => {
    const session = await Polling.open(url);
    const half = halfPost(session.url);
    half.on('error', () => {});
    await new Promise((resolve) => half.on('socket', (socket) => socket.on('connect', resolve)));
    half.flushHeaders();
    half.destroy();
    await eventually(async () => {
      const { status } = await session.get();
      return status === 400;
    }, 'the session to end');
  });

  test('close: the pending GET gets a noop, and the session is gone', async () => {
    const session = await Polling.open(url);
    let sent;
    const written = new Promise((resolve) => (sent = resolve));
    const pending = session.get({ onRequest: (outgoing) => outgoing.on('finish', sent) });
    await written;
    assert.equal((await session.post('1')).status, 200);
    assert.equal((await pending).text, '6');
    await hasEnded(session);
  });
});

/** A POST that has announced 10 bytes and sent 5. */
function halfPost(to) {
  const outgoing = http.request(to, { method: 'POST', headers: { 'content-type': 'text/plain', 'content-length': 10 }, agent: false });
  outgoing.write('4half');
  return outgoing;
}

describe('WebSocket', { concurrency: true }, () => {
  test('a close is answered by a close', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl);
    await raw.receive();
    raw.ws.close(1000, 'done');
    await raw.gone();
    assert.equal(raw.code, 1000);
  });

  test('echoes text and binary', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl);
    await raw.receive();
    raw.send('4hello €', Buffer.from([1, 2, 3, 4]), '4', Buffer.alloc(0));
    assert.equal(await raw.receive(), '4hello €');
    assert.deepEqual(await raw.receive(), Buffer.from([1, 2, 3, 4]));
    assert.equal(await raw.receive(), '4');
    assert.deepEqual(await raw.receive(), Buffer.alloc(0));
  });

  for (const frame of ['abc', '', '9', '7']) {
    test(`the malformed packet ${JSON.stringify(frame)} closes it`, async (t) => {
      const raw = await RawSocket.open(t, webSocketUrl);
      await raw.receive();
      raw.send(frame);
      await raw.gone();
    });
  }

  test('a close packet closes it', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl);
    await raw.receive();
    raw.send('1');
    await raw.gone();
  });

  test('a frame over the limit closes it, one at the limit does not', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl);
    await raw.receive();
    const large = `4${'x'.repeat(999_999)}`;
    raw.send(large);
    assert.equal(await raw.receive(), large);
    raw.send(`${large}x`);
    await raw.gone();
  });

  test('plain HTTP on its session is a bad request', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl);
    const { sid } = JSON.parse((await raw.receive()).slice(1));
    isRefusal(await request(`${url}/engine.io/?EIO=4&transport=polling&sid=${sid}`), 3);
    raw.send('4still here');
    assert.equal(await raw.receive(), '4still here');
  });
});

// As seen from here, on a machine that may be loaded.
const isSoonAfter500 = (ms) => assert.ok(ms > 420 && ms < 800, `the end came after ${ms} ms`);

describe('the heartbeat', { concurrency: true }, () => {
  test('pings every 300 ms for as long as pongs come', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl, { pongs: false });
    await raw.receive();
    let last = performance.now();
    for (let i = 0; i < 4; i += 1) {
      assert.equal(await raw.receive(), '2');
      const interval = performance.now() - last;
      last = performance.now();
      assert.ok(interval > 200 && interval < 480, `a ping after ${interval} ms`);
      raw.send('3');
    }
  });

  test('without a pong a WebSocket ends after 500 ms', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl, { pongs: false });
    await raw.receive();
    const opened = performance.now();
    await raw.gone();
    isSoonAfter500(raw.closedAt - opened);
  });

  test('only a pong counts', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl, { pongs: false });
    await raw.receive();
    const opened = performance.now();
    const chatting = setInterval(() => raw.ws.readyState === raw.ws.OPEN && raw.send('4chat'), 50);
    t.after(() => clearInterval(chatting));
    await raw.gone();
    isSoonAfter500(raw.closedAt - opened);
  });

  test('without a pong a polling session ends after 500 ms', async () => {
    const session = await Polling.open(url);
    const opened = performance.now();
    assert.equal((await session.get()).text, '2');
    const { status, text } = await session.get();
    assert.ok(status === 400 || ['1', '6'].includes(text), `${status} ${text}`);
    isSoonAfter500(performance.now() - opened);
    await hasEnded(session);
  });

  test('a polling session that polls and pongs lives on', async () => {
    const session = await Polling.open(url);
    for (let i = 0; i < 3; i += 1) {
      assert.equal((await session.get()).text, '2');
      assert.equal((await session.post('3')).status, 200);
    }
    await session.post('4alive');
    assert.deepEqual(await session.poll(), ['4alive']);
  });
});

describe('the upgrade', { concurrency: true }, () => {
  test('from polling to WebSocket', async (t) => {
    const session = await Polling.open(url);
    const raw = await RawSocket.open(t, session.webSocketUrl);
    const pending = session.get();
    raw.send('2probe');
    assert.equal(await raw.receive(), '3probe');
    assert.equal((await pending).text, '6', 'the pending GET is let go');
    raw.send('5');
    raw.send('4hello');
    assert.equal(await raw.receive(), '4hello');
    isRefusal(await session.get(), 3);
    assert.equal((await session.post('4hello')).status, 400);
  });

  test('what was posted before the upgrade is echoed after it', async (t) => {
    const session = await Polling.open(url);
    const raw = await RawSocket.open(t, session.webSocketUrl);
    raw.send('2probe');
    assert.equal(await raw.receive(), '3probe');
    await session.post(['4one', 'bAQID'].join(SEPARATOR));
    raw.send('5', '4two');
    assert.equal(await raw.receive(), '4one');
    assert.deepEqual(await raw.receive(), Buffer.from([1, 2, 3]));
    assert.equal(await raw.receive(), '4two');
  });

  for (const [what, frame] of [['another packet', '4hello'], ['another probe', '2other'], ['nonsense', 'abc']]) {
    test(`${what} closes the probe, and polling goes on`, async (t) => {
      const session = await Polling.open(url);
      const raw = await RawSocket.open(t, session.webSocketUrl);
      raw.send(frame);
      await raw.gone();
      await session.post('4still polling');
      assert.deepEqual(await session.poll(), ['4still polling']);
    });
  }

  test('a probe that goes away harms nothing', async (t) => {
    const session = await Polling.open(url);
    const raw = await RawSocket.open(t, session.webSocketUrl);
    raw.send('2probe');
    await raw.receive();
    raw.ws.terminate();
    await session.post('4still polling');
    const packets = await session.packets(1);
    assert.equal(packets.filter((packet) => packet !== '6').concat(packets.includes('6') ? await session.poll() : [])[0], '4still polling');
  });

  test('a second WebSocket on an upgraded session is closed', async (t) => {
    const session = await Polling.open(url);
    const raw = await RawSocket.open(t, session.webSocketUrl);
    raw.send('2probe');
    await raw.receive();
    raw.send('5', '4first');
    assert.equal(await raw.receive(), '4first');
    await assert.rejects(async () => {
      const second = await RawSocket.open(t, session.webSocketUrl);
      second.send('2probe');
      await second.receive();
    });
    raw.send('4still here');
    assert.equal(await raw.receive(), '4still here');
  });

  test('a WebSocket cannot take over the session of another', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl);
    const { sid } = JSON.parse((await raw.receive()).slice(1));
    await assert.rejects(async () => {
      const second = await RawSocket.open(t, `${webSocketUrl}&sid=${sid}`);
      second.send('2probe');
      await second.receive();
    });
    raw.send('4mine');
    assert.equal(await raw.receive(), '4mine');
  });
});

describe('the stock client', { concurrency: true }, () => {
  for (const [name, transports] of [['websocket', ['websocket']], ['polling', ['polling']], ['upgrade', ['polling', 'websocket']]]) {
    test(`${name}: every message comes back once and in order`, async (t) => {
      const client = open(t, transports);
      const sent = Array.from({ length: 200 }, (_, i) => (i % 3 === 0 ? Buffer.from([i, 0, 255]) : `message ${i} €`));
      const slowly = setInterval(() => sent.length > client.sent && client.socket.send(sent[client.sent++]), 1);
      t.after(() => clearInterval(slowly));
      await client.until(() => client.messages.length >= sent.length, 'all of them');
      const received = client.messages.map((data) => (typeof data === 'string' ? data : Buffer.from(data)));
      assert.deepEqual(received, sent);
      if (name === 'upgrade') {
        await client.until(() => client.socket.transport.name === 'websocket', 'the upgrade');
        client.socket.send('after');
        await client.until(() => client.messages.at(-1) === 'after', 'the echo over WebSocket');
      }
    });

    test(`${name}: stays open for several heartbeats`, async (t) => {
      const client = open(t, transports);
      await client.until(() => client.pings >= 4, 'four pings');
      assert.deepEqual(client.closes, []);
    });

    test(`${name}: closes when asked to`, async (t) => {
      const client = open(t, transports);
      await client.until(() => client.opened, 'the handshake');
      const { id } = client.socket;
      client.socket.close();
      await client.until(() => client.closes.length > 0, 'the close');
      assert.deepEqual(client.closes, ['forced close']);
      const gone = () => request(`${url}/engine.io/?EIO=4&transport=polling&sid=${id}`);
      await eventually(async () => (await gone()).body?.code !== 3 && (await gone()).status === 400, 'the session to be gone');
    });
  }

  function open(t, transports) {
    const client = new Recorder();
    Object.assign(client, { messages: [], closes: [], pings: 0, sent: 0 });
    client.socket = new Socket(url, { path: '/engine.io/', transports });
    client.socket.on('open', () => client.changed((client.opened = true)));
    client.socket.on('message', (data) => client.changed(client.messages.push(data)));
    client.socket.on('ping', () => client.changed((client.pings += 1)));
    client.socket.on('close', (reason) => client.changed(client.closes.push(reason)));
    t.after(() => client.socket.close());
    return client;
  }
});
