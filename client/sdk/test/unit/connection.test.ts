// The coming back of a connection under a fake clock. Where a connection must stand, the socket is the real one with nobody
// at the other end: the test says what would have come. The real other end is in test/server.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Connection } from '../../src/connection.js';
import type { CallboardOptions } from '../../src/options.js';
import { settings } from '../../src/settings.js';
import { Tokens } from '../../src/tokens.js';
import { tokenFor } from '../support/token.js';

const opened: Connection[] = [];

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000 });
});
afterEach(() => {
  for (const connection of opened.splice(0)) connection.close();
  expect(vi.getTimerCount()).toBe(0);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function connectionOf(options: Partial<CallboardOptions> = {}) {
  const given = settings({
    url: 'http://127.0.0.1:9',
    userId: 'alice',
    getToken: () => tokenFor({ ttl: 3600 }),
    ...options,
    reconnection: { jitter: 0, ...options.reconnection },
  });
  const told: string[] = [];
  const tokens = new Tokens(given.getToken, given.timeout);
  const connection = new Connection(given, tokens, {
    ready: (recovered) => told.push(`ready ${recovered}`),
    lost: () => told.push('lost'),
    shown: () => told.push('shown'),
    loggedOut: ({ code }) => told.push(`logged out ${code}`),
  });
  opened.push(connection);
  const { socket } = connection;
  const connects = vi.spyOn(socket, 'connect').mockReturnValue(socket);
  socket.io.engine = {
    transport: { name: 'websocket' },
    once: () => {},
    close: () => {},
  } as unknown as typeof socket.io.engine;
  const comes = (event: string, ...args: unknown[]) => {
    for (const listener of socket.listeners(event as 'ready')) (listener as (...args: unknown[]) => void)(...args);
  };
  const ready = async (userId = 'alice') => {
    await vi.advanceTimersByTimeAsync(0);
    comes('ready', { userId, connectionId: 'c', serverTime: new Date().toISOString() });
  };
  /** Answers what is asked of the server. */
  const answers = (answer: unknown) =>
    vi.spyOn(socket, 'timeout').mockReturnValue({ emitWithAck: async () => answer } as unknown as typeof socket);
  return { connection, told, connects, comes, ready, answers, state: () => connection.status.get().state };
}

/** How long it takes from now to the next call, in milliseconds. */
async function untilCalled(mock: { mock: { calls: unknown[] } }): Promise<number> {
  const before = mock.mock.calls.length;
  for (let waited = 0; waited < 100_000; waited += 100) {
    if (mock.mock.calls.length > before) return waited;
    await vi.advanceTimersByTimeAsync(100);
  }
  return Number.POSITIVE_INFINITY;
}

test('after 1, 2, 4, 8 and 16 s it has failed; retry begins anew', async () => {
  const getToken = vi.fn(() => Promise.reject(new Error('nobody is there')));
  const { connection, state } = connectionOf({ getToken });
  expect(state()).toBe('idle');
  connection.connect();
  expect(state()).toBe('connecting');
  await vi.advanceTimersByTimeAsync(0);
  for (const [index, delay] of [1_000, 2_000, 4_000, 8_000, 16_000].entries()) {
    expect(connection.status.get()).toMatchObject({
      state: 'reconnecting',
      attempt: index + 1,
      retryAt: Date.now() + delay,
      error: { code: 'token_unavailable', message: 'No token: nobody is there' },
    });
    await vi.advanceTimersByTimeAsync(delay - 1);
    expect(getToken).toHaveBeenCalledTimes(index + 1);
    await vi.advanceTimersByTimeAsync(1);
    expect(getToken).toHaveBeenCalledTimes(index + 2);
  }
  expect(connection.status.get()).toMatchObject({ state: 'failed', error: { code: 'token_unavailable' } });
  await vi.advanceTimersByTimeAsync(100_000);
  expect(getToken).toHaveBeenCalledTimes(6);
  connection.connect();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(getToken).toHaveBeenCalledTimes(8);
});

test('delays are made longer and shorter by a fifth', async () => {
  const waits: number[] = [];
  const random = vi.spyOn(Math, 'random');
  for (const chance of [0, 0.5, 0.999]) {
    random.mockReturnValue(chance);
    const { connection } = connectionOf({ getToken: () => Promise.reject(), reconnection: { jitter: 0.2 } });
    connection.connect();
    await vi.advanceTimersByTimeAsync(0);
    waits.push((connection.status.get().retryAt ?? 0) - Date.now());
  }
  random.mockRestore();
  expect(waits).toEqual([800, 1_000, 1_200]);
});

test('an attempt is over when the server says ready, or after the timeout', async () => {
  const { connection, connects, state, told, ready } = connectionOf({ timeout: 3_000 });
  connection.connect();
  connection.connect();
  await vi.advanceTimersByTimeAsync(2_999);
  expect(connects).toHaveBeenCalledTimes(1);
  expect(state()).toBe('connecting');
  await vi.advanceTimersByTimeAsync(1);
  expect(connection.status.get()).toMatchObject({ state: 'reconnecting', attempt: 1, error: { code: 'timeout' } });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(connection.status.get()).toEqual({ state: 'reconnecting', attempt: 1 });
  await ready();
  expect(connection.status.get()).toEqual({ state: 'connected', transport: 'websocket' });
  await ready();
  expect(told).toEqual(['ready false']);
});

test('a token that comes too late for its attempt is not used for it', async () => {
  const getToken = vi.fn(() => new Promise<string>((done) => setTimeout(() => done('late'), 2_500)));
  const { connection, connects } = connectionOf({ getToken, timeout: 2_000 });
  connection.connect();
  await vi.advanceTimersByTimeAsync(2_900);
  expect(connects).not.toHaveBeenCalled();
});

test('the count of attempts begins anew with each connection that is steady', async () => {
  const { connection, ready, comes } = connectionOf();
  connection.connect();
  await ready();
  for (let loss = 0; loss < 10; loss++) {
    await vi.advanceTimersByTimeAsync(5_000);
    comes('disconnect', 'transport close');
    expect(connection.status.get()).toMatchObject({ state: 'reconnecting', attempt: 1 });
    await vi.advanceTimersByTimeAsync(1_000);
    await ready();
  }
});

test('a server that lets in and closes at once is tried less and less, and then no more', async () => {
  const { connection, ready, comes, state } = connectionOf();
  connection.connect();
  for (const delay of [1_000, 2_000, 4_000, 8_000, 16_000]) {
    await ready();
    comes('disconnect', 'transport close');
    expect((connection.status.get().retryAt ?? 0) - Date.now()).toBe(delay);
    await vi.advanceTimersByTimeAsync(delay);
  }
  await ready();
  comes('disconnect', 'transport close');
  expect(state()).toBe('failed');
});

test('what broke before it was steady is tried last, and not upgraded to until a connection was steady', async () => {
  const { connection, ready, comes } = connectionOf();
  const { opts } = connection.socket.io;
  const transport = connection.socket.io.engine.transport as { name: string };
  const breaksAfter = async (ms: number, reason = 'transport close') => {
    await ready();
    await vi.advanceTimersByTimeAsync(ms);
    comes('disconnect', reason);
    await vi.advanceTimersByTimeAsync((connection.status.get().retryAt ?? 0) - Date.now());
  };
  connection.connect();
  // Once it may be a server that leaves.
  await breaksAfter(4_000);
  await breaksAfter(4_000, 'io server disconnect');
  expect(opts).toMatchObject({ transports: ['websocket', 'polling'] });
  await breaksAfter(4_000);
  expect(opts).toMatchObject({ transports: ['polling', 'websocket'], upgrade: false });
  transport.name = 'polling';
  await breaksAfter(5_000);
  expect(opts).toMatchObject({ transports: ['polling', 'websocket'], upgrade: true });
  // It was upgraded.
  transport.name = 'websocket';
  await breaksAfter(4_000);
  expect(opts).toMatchObject({ transports: ['polling', 'websocket'], upgrade: false });
});

test('CONNECT_ERROR: a token is refused, or replaced once, or the attempt has failed', async () => {
  const refusal = (code: string) => Object.assign(new Error('Authentication error'), { data: { code } });
  for (const code of ['invalid_token', 'token_missing']) {
    const { connection, comes, told, state } = connectionOf();
    connection.connect();
    await vi.advanceTimersByTimeAsync(0);
    comes('connect_error', refusal(code));
    expect(state()).toBe('logged-out');
    expect(told).toEqual([`logged out ${code}`]);
  }
  const { connection, comes, told, connects, state } = connectionOf();
  connection.connect();
  await vi.advanceTimersByTimeAsync(0);
  comes('connect_error', refusal('token_expired'));
  await vi.advanceTimersByTimeAsync(0);
  expect(connects).toHaveBeenCalledTimes(2);
  comes('connect_error', refusal('unavailable'));
  expect(connection.status.get()).toMatchObject({ state: 'reconnecting', attempt: 1, error: { code: 'unavailable' } });
  await vi.advanceTimersByTimeAsync(1_000);
  comes('connect_error', refusal('token_expired'));
  expect(state()).toBe('logged-out');
  expect(told).toEqual(['logged out token_expired']);
});

test('a token is replaced in band a minute before it expires, a short one at half of what is left', async () => {
  for (const [ttl, after] of [
    [3600, 3_540_000],
    [120, 60_000],
    [40, 20_000],
  ] as const) {
    const getToken = vi.fn(() => tokenFor({ ttl }));
    const { connection, ready, answers, told } = connectionOf({ getToken });
    const asked = answers({ ok: true, expiresAt: '' });
    connection.connect();
    await ready();
    await vi.advanceTimersByTimeAsync(after - 1);
    expect(getToken).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(getToken).toHaveBeenCalledTimes(2);
    expect(asked).toHaveBeenCalledTimes(1);
    expect(told).toEqual(['ready false']);
    connection.close();
  }
});

test('token-expired replaces the token at once; a failure is tried again, a refusal logs out', async () => {
  let failing = true;
  const getToken = vi.fn(() => (failing ? Promise.reject(new Error('later')) : tokenFor({ ttl: 60 })));
  failing = false;
  const { connection, ready, comes, answers, told } = connectionOf({ getToken });
  connection.connect();
  await ready();
  answers({ ok: true, expiresAt: '' });
  failing = true;
  comes('token-expired');
  await vi.advanceTimersByTimeAsync(0);
  failing = false;
  expect(await untilCalled(getToken)).toBeLessThanOrEqual(30_100);
  answers({ ok: false, error: { code: 'forbidden', message: 'Another user.' } });
  comes('token-expired');
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual(['ready false', 'lost', 'logged out forbidden']);
});

test('offline it waits for the network, and tries at once when it is back', async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const navigator = { onLine: true };
  vi.stubGlobal('window', page);
  vi.stubGlobal('document', page);
  vi.stubGlobal('navigator', navigator);
  const { connection, ready, comes, state, connects } = connectionOf();
  connection.connect();
  await ready();
  navigator.onLine = false;
  page.dispatchEvent(new Event('offline'));
  comes('disconnect', 'transport close');
  expect(state()).toBe('offline');
  await vi.advanceTimersByTimeAsync(100_000);
  expect(connects).toHaveBeenCalledTimes(1);
  navigator.onLine = true;
  page.dispatchEvent(new Event('online'));
  expect(state()).toBe('connecting');
  await ready();

  comes('disconnect', 'transport close');
  page.dispatchEvent(new Event('offline'));
  expect(state()).toBe('offline');
  page.dispatchEvent(new Event('online'));
  await ready();
  expect(state()).toBe('connected');
});

test('from failed it goes on when the user looks at the page again', async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: 'hidden' });
  vi.stubGlobal('window', page);
  vi.stubGlobal('document', page);
  const { connection, state, told } = connectionOf({
    getToken: () => Promise.reject(),
    reconnection: { attempts: 0 },
  });
  connection.connect();
  await vi.advanceTimersByTimeAsync(0);
  expect(state()).toBe('failed');
  page.dispatchEvent(new Event('visibilitychange'));
  expect(state()).toBe('failed');
  expect(told).toEqual([]);
  page.visibilityState = 'visible';
  page.dispatchEvent(new Event('visibilitychange'));
  expect(state()).toBe('connecting');
  expect(told).toEqual(['shown']);
});

test('whoever hears of a status may close: nothing goes on', async () => {
  for (const state of ['connecting', 'connected', 'reconnecting']) {
    const { connection, ready, told, comes } = connectionOf();
    connection.status.subscribe(() => connection.status.get().state === state && connection.close());
    connection.connect();
    await ready();
    comes('disconnect', 'transport close');
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(connection.status.get()).toEqual({ state: 'closed' });
    expect(told).toEqual({ connecting: [], connected: ['lost'], reconnecting: ['ready false', 'lost'] }[state]);
  }
});

test('whoever hears that the connection is lost may try at once', async () => {
  const { connection, ready, comes, state } = connectionOf();
  connection.connect();
  await ready();
  const stop = connection.status.subscribe(() => state() === 'reconnecting' && connection.connect());
  comes('disconnect', 'transport close');
  stop();
  expect(state()).toBe('connecting');
  await ready();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(state()).toBe('connected');
});

test('a token of another user ends it, before anything is sent in their name', async () => {
  const { connection, ready, told } = connectionOf();
  connection.connect();
  await ready('bob');
  expect(connection.status.get()).toMatchObject({ state: 'logged-out', error: { code: 'forbidden' } });
  expect(told).toEqual(['logged out forbidden']);
});

test('closed is for good', async () => {
  const { connection, ready, state, told } = connectionOf();
  connection.connect();
  await ready();
  connection.close();
  connection.close();
  connection.connect();
  expect(state()).toBe('closed');
  expect(told).toEqual(['ready false', 'lost']);
});
