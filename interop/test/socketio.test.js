// Socket.IO v5 against the conformance example, packet by packet and with the stock clients.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { conformanceServer } from '../lib/conformance.js';
import { matrix } from '../lib/matrix.js';
import { Polling, SEPARATOR } from '../lib/polling.js';
import { RawSocket } from '../lib/raw.js';

const url = await conformanceServer();
const webSocketUrl = `${url}/socket.io/?EIO=4&transport=websocket`;

async function open(t) {
  const raw = await RawSocket.open(t, webSocketUrl);
  assert.equal((await raw.receive())[0], '0');
  return raw;
}

/** Connected to `/`, the `auth` event behind it. */
async function connected(t) {
  const raw = await open(t);
  raw.send('40');
  assert.match(await raw.receive(), /^40\{/);
  assert.equal(await raw.receive(), '42["auth",{}]');
  return raw;
}

describe('connecting', { concurrency: true }, () => {
  test('to the main namespace, with a sid of its own and no pid', async (t) => {
    const raw = await RawSocket.open(t, webSocketUrl);
    const { sid } = JSON.parse((await raw.receive()).slice(1));
    raw.send('40');
    const reply = JSON.parse((await raw.receive()).slice(2));
    assert.deepEqual(Object.keys(reply), ['sid']);
    assert.notEqual(reply.sid, sid);
    assert.equal(await raw.receive(), '42["auth",{}]');
  });

  test('to the main namespace, with a payload', async (t) => {
    const raw = await open(t);
    raw.send('40{"token":"123"}');
    assert.match(await raw.receive(), /^40\{"sid":"[^"]+"\}$/);
    assert.equal(await raw.receive(), '42["auth",{"token":"123"}]');
  });

  test('to another namespace, with and without a payload', async (t) => {
    const raw = await open(t);
    raw.send('40/custom,');
    assert.match(await raw.receive(), /^40\/custom,\{"sid":"[^"]+"\}$/);
    assert.equal(await raw.receive(), '42/custom,["auth",{}]');
    const other = await open(t);
    other.send('40/custom,{"token":"abc"}');
    assert.match(await other.receive(), /^40\/custom,\{"sid":"[^"]+"\}$/);
    assert.equal(await other.receive(), '42/custom,["auth",{"token":"abc"}]');
  });

  test('to both, each with its own sid', async (t) => {
    const raw = await connected(t);
    raw.send('40/custom');
    assert.match(await raw.receive(), /^40\/custom,\{/);
    assert.equal(await raw.receive(), '42/custom,["auth",{}]');
  });

  test('to an unknown namespace is refused, and harms nothing', async (t) => {
    const raw = await open(t);
    raw.send('40/random');
    assert.equal(await raw.receive(), '44/random,{"message":"Invalid namespace"}');
    raw.send('40/random,{"token":"abc"}');
    assert.equal(await raw.receive(), '44/random,{"message":"Invalid namespace"}');
    raw.send('40');
    assert.match(await raw.receive(), /^40\{/);
  });

  test('must happen within a second', async (t) => {
    const raw = await open(t);
    const opened = performance.now();
    await raw.gone();
    const waited = raw.closedAt - opened;
    assert.ok(waited > 900 && waited < 2_000, `closed after ${waited} ms`);
  });

  test('an attempt at an unknown namespace is none', async (t) => {
    const raw = await open(t);
    raw.send('40/random');
    await raw.receive();
    await raw.gone(3_000);
  });
});

describe('disconnecting', { concurrency: true }, () => {
  test('from one namespace leaves the other', async (t) => {
    const raw = await connected(t);
    raw.send('40/custom');
    await raw.find((frame) => String(frame).startsWith('42/custom,'));
    raw.send('41/custom,', '42["message","still here"]');
    assert.equal(await raw.receive(), '42["message-back","still here"]');
  });

  test('and coming back works on the same connection', async (t) => {
    const raw = await connected(t);
    raw.send('40/custom');
    await raw.find((frame) => String(frame).startsWith('42/custom,'));
    raw.send('41', '40{"again":true}');
    assert.match(await raw.receive(), /^40\{"sid"/);
    assert.equal(await raw.receive(), '42["auth",{"again":true}]');
  });
});

describe('messages', { concurrency: true }, () => {
  test('come back with the same arguments', async (t) => {
    const raw = await connected(t);
    raw.send('42["message",1,"2",{"3":[true]}]');
    assert.equal(await raw.receive(), '42["message-back",1,"2",{"3":[true]}]');
    raw.send('42["message"]');
    assert.equal(await raw.receive(), '42["message-back"]');
  });

  test('with binary', async (t) => {
    const raw = await connected(t);
    raw.send('452-["message",{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]}]', Buffer.from([1, 2, 3]), Buffer.from([4, 5]));
    assert.equal(await raw.receive(), '452-["message-back",{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]}]');
    assert.deepEqual(await raw.receive(), Buffer.from([1, 2, 3]));
    assert.deepEqual(await raw.receive(), Buffer.from([4, 5]));
  });

  test('are acknowledged with the same arguments', async (t) => {
    const raw = await connected(t);
    raw.send('42456["message-with-ack",1,"2",{"3":[false]}]');
    assert.equal(await raw.receive(), '43456[1,"2",{"3":[false]}]');
    raw.send('420["message-with-ack"]');
    assert.equal(await raw.receive(), '430[]');
  });

  test('are acknowledged with binary', async (t) => {
    const raw = await connected(t);
    raw.send('452-789["message-with-ack",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6]));
    assert.equal(await raw.receive(), '462-789[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]');
    assert.deepEqual(await raw.receive(), Buffer.from([1, 2, 3]));
    assert.deepEqual(await raw.receive(), Buffer.from([4, 5, 6]));
  });

  test('may have ten attachments', async (t) => {
    const raw = await connected(t);
    const placeholders = Array.from({ length: 10 }, (_, num) => `{"_placeholder":true,"num":${num}}`).join();
    raw.send(`4510-["message",${placeholders}]`, ...Array.from({ length: 10 }, (_, i) => Buffer.from([i])));
    assert.equal(await raw.receive(), `4510-["message-back",${placeholders}]`);
    for (let i = 0; i < 10; i += 1) assert.deepEqual(await raw.receive(), Buffer.from([i]));
  });

  test('binary and its text are contiguous, whatever else is under way', async (t) => {
    const raw = await connected(t);
    for (let i = 0; i < 30; i += 1) {
      raw.send(`451-["message",{"_placeholder":true,"num":0},${i}]`, Buffer.from([i]), `42["message",${i}]`);
    }
    for (let i = 0; i < 30; i += 1) {
      assert.equal(await raw.receive(), `451-["message-back",{"_placeholder":true,"num":0},${i}]`);
      assert.deepEqual(await raw.receive(), Buffer.from([i]));
      assert.equal(await raw.receive(), `42["message-back",${i}]`);
    }
  });

  test('numbers go through digit by digit', async (t) => {
    const raw = await connected(t);
    const numbers = '9007199254740993,12345678901234567890,0.1000,1.0,1e400,-0';
    raw.send(`42["message",${numbers}]`);
    assert.equal(await raw.receive(), `42["message-back",${numbers}]`);
    raw.send(`421["message-with-ack",${numbers}]`);
    assert.equal(await raw.receive(), `431[${numbers}]`);
  });

  test('text goes through character by character', async (t) => {
    const raw = await connected(t);
    const args = JSON.stringify(['€ 🎭', '\u0000\u001f"\\', '\u2028', { '1': { '[': ']' } }]).slice(1, -1);
    raw.send(`42["message",${args}]`);
    assert.deepEqual(JSON.parse((await raw.receive()).slice(2)), JSON.parse(`["message-back",${args}]`));
  });

  test('of unknown names, and answers to nothing, are ignored', async (t) => {
    const raw = await connected(t);
    raw.send('42["unknown",1]', '42[7,1]', '43999["nobody asked"]', '42["message","alive"]');
    assert.equal(await raw.receive(), '42["message-back","alive"]');
  });

  test('go through polling as well, binary too', async () => {
    const session = await Polling.open(url, '/socket.io/');
    await session.post('40{"token":"123"}');
    const [connect, auth] = await session.packets(2);
    assert.match(connect, /^40\{/);
    assert.equal(auth, '42["auth",{"token":"123"}]');
    await session.post(['42["message",1]', '451-7["message-with-ack",{"_placeholder":true,"num":0}]', 'bAQID'].join(SEPARATOR));
    assert.deepEqual(await session.packets(3), ['42["message-back",1]', '461-7[{"_placeholder":true,"num":0}]', 'bAQID']);
  });
});

describe('what violates the protocol closes the connection:', { concurrency: true }, () => {
  const placeholder = (num) => `{"_placeholder":true,"num":${num}}`;
  const VIOLATIONS = {
    'an unknown packet type': ['4abc'],
    'packet type 7': ['47["message"]'],
    'an empty packet': ['4'],
    'bad JSON': ['42["message"'],
    'an event that is an object': ['42{}'],
    'an event that is text': ['42"message"'],
    'an event without payload': ['42'],
    'an empty event': ['42[]'],
    'an event named null': ['42[null]'],
    'an event named by an object': ['42[{}]'],
    'an event named true': ['42[true]'],
    'the reserved name connect': ['42["connect"]'],
    'the reserved name connect_error': ['42["connect_error"]'],
    'the reserved name disconnect': ['42["disconnect"]'],
    'the reserved name disconnecting': ['42["disconnecting"]'],
    'the reserved name newListener': ['42["newListener"]'],
    'the reserved name removeListener': ['42["removeListener"]'],
    'an ack id that is no number': ['421a["message"]'],
    'an ack that is no array': ['431{}'],
    'text while attachments are pending': [`451-["message",${placeholder(0)}]`, '42["message"]'],
    'binary that nothing announced': [Buffer.from([1])],
    'a placeholder out of range': [`451-["message",${placeholder(1)}]`, Buffer.from([1])],
    'a placeholder below zero': [`451-["message",${placeholder(-1)}]`, Buffer.from([1])],
    'a number of attachments that is none': ['45x-["message"]'],
    'a binary event without the number': ['45["message"]'],
    'eleven attachments': [
      `4511-["message",${Array.from({ length: 11 }, (_, num) => placeholder(num))}]`,
      ...Array.from({ length: 11 }, () => Buffer.from([1])),
    ],
    'connecting twice': ['40'],
    'a connect_error': ['44{"message":"no"}'],
    'an event for a namespace not connected to': ['42/custom,["message"]'],
  };
  for (const [what, frames] of Object.entries(VIOLATIONS)) {
    test(what, async (t) => {
      const raw = await connected(t);
      raw.send(...frames);
      await raw.gone(3_000);
      assert.deepEqual(raw.frames, [], 'and nothing else');
    });
  }

  test('an event before connecting', async (t) => {
    const raw = await open(t);
    const sent = performance.now();
    raw.send('42["message"]');
    await raw.gone();
    assert.ok(raw.closedAt - sent < 800, 'at once, not by the connect timeout');
  });

  test('the same over polling', async () => {
    const session = await Polling.open(url, '/socket.io/');
    await session.post('40');
    await session.packets(2);
    await session.post('4abc');
    await assert.rejects(async () => {
      for (;;) if ((await session.poll()).includes('1')) throw new Error('closed');
    });
  });
});

matrix('the stock client', {}, (cell) => {
  const connect = async (t, options) => {
    const tab = cell.open(t, url, { auth: undefined, ...options });
    await tab.connected();
    return tab;
  };

  test('gets its auth back', async (t) => {
    assert.deepEqual(await (await connect(t)).next('auth'), {});
    const tab = await connect(t, { auth: { token: '123', deep: [{ '€': null }] } });
    assert.deepEqual(await tab.next('auth'), { token: '123', deep: [{ '€': null }] });
    assert.ok(!tab.socket.recovered);
  });

  test('gets its messages back, binary included', async (t) => {
    const tab = await connect(t);
    tab.emit('message', 1, '2', { 3: [true] }, null);
    assert.equal(await tab.next('message-back'), 1);
    assert.deepEqual(tab.heard.at(-1).rest, ['2', { 3: [true] }, null]);
    tab.emit('message', { bytes: Buffer.from([1, 2, 3]), more: [Buffer.from([4])] });
    const back = await tab.next('message-back', (data) => data.bytes);
    assert.deepEqual([Buffer.from(back.bytes), Buffer.from(back.more[0])], [Buffer.from([1, 2, 3]), Buffer.from([4])]);
  });

  test('gets its acknowledgements, binary included', async (t) => {
    const tab = await connect(t);
    const acks = (...args) => new Promise((resolve) => tab.emit('message-with-ack', ...args, (...answer) => resolve(answer)));
    assert.deepEqual(await acks(1, '2', { 3: [false] }), [1, '2', { 3: [false] }]);
    assert.deepEqual(await acks(), []);
    const [bytes] = await acks(Buffer.from([1, 2, 3]));
    assert.deepEqual(Buffer.from(bytes), Buffer.from([1, 2, 3]));
  });

  test('gets many of them in order', async (t) => {
    const tab = await connect(t);
    const sent = Array.from({ length: 200 }, (_, i) => i);
    for (const i of sent) tab.emit('message', i % 4 === 0 ? { i, bytes: Buffer.from([i]) } : { i });
    const back = await tab.count('message-back', sent.length);
    assert.deepEqual(back.map(({ i }) => i), sent);
  });

  test('shares one connection between namespaces', async (t) => {
    const tab = await connect(t);
    const custom = tab.socket.io.socket('/custom', { auth: { token: 'abc' } });
    t.after(() => custom.disconnect());
    const auth = await new Promise((resolve) => custom.on('auth', resolve));
    assert.ok(auth);
    assert.notEqual(custom.id, tab.socket.id);
    custom.disconnect();
    tab.emit('message', 'still here');
    assert.equal(await tab.next('message-back'), 'still here');
  });

  test('is told that a namespace is invalid', async (t) => {
    const error = await cell.open(t, `${url}/random`).refused();
    assert.equal(error.message, 'Invalid namespace');
  });

  test('stays connected for several heartbeats', async (t) => {
    const tab = await connect(t);
    let pings = 0;
    tab.socket.io.on('ping', () => tab.changed((pings += 1)));
    await tab.until(() => pings >= 4, 'four pings');
    assert.deepEqual(tab.disconnects, []);
  });
});
