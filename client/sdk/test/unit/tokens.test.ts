import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Tokens } from '../../src/tokens.js';
import { tokenFor } from '../support/token.js';

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

test('a token is used until it expires, by the clock of the server', async () => {
  let made = 0;
  const tokens = new Tokens(() => tokenFor({ ttl: 60, name: `${++made}` }), 1_000);
  const first = await tokens.current();
  vi.advanceTimersByTime(59_000);
  expect(await tokens.current()).toBe(first);
  expect(tokens.timeLeft()).toBe(1_000);
  tokens.skew = 2_000;
  expect(tokens.timeLeft()).toBe(-1_000);
  expect(await tokens.current()).not.toBe(first);
});

test('those who ask at the same time get the same', async () => {
  let made = 0;
  const tokens = new Tokens(async () => `${++made}`, 1_000);
  expect(await Promise.all([tokens.fetch(), tokens.current(), tokens.fetch()])).toEqual(['1', '1', '1']);
  expect(await tokens.fetch()).toBe('2');
});

test('a token that does not say when it expires is used until the server refuses it', async () => {
  const tokens = new Tokens(() => 'opaque', 1_000);
  expect(await tokens.current()).toBe('opaque');
  expect(tokens.timeLeft()).toBeUndefined();
});

test('a claim that is not ASCII does no harm', async () => {
  const tokens = new Tokens(() => tokenFor({ ttl: 5, name: 'Älïçé 🎭 ???>>>' }), 1_000);
  await tokens.fetch();
  expect(tokens.timeLeft()).toBe(5_000);
});

test('getToken that fails, or does not answer, is an error that passes', async () => {
  const failing = new Tokens(() => Promise.reject(new Error('logged out')), 1_000);
  const failure = { code: 'token_unavailable', message: 'No token: logged out', retriable: true };
  await expect(failing.fetch()).rejects.toMatchObject(failure);
  const throwing = new Tokens(() => {
    throw new Error('logged out');
  }, 1_000);
  await expect(throwing.fetch()).rejects.toMatchObject(failure);
  let calls = 0;
  const silent = new Tokens(() => (calls++ === 0 ? new Promise<string>(() => {}) : 'late'), 1_000);
  const waiting = expect(silent.fetch()).rejects.toMatchObject({ code: 'token_unavailable' });
  await vi.advanceTimersByTimeAsync(1_000);
  await waiting;
  expect(await silent.fetch()).toBe('late');
  const closed = new Tokens(() => new Promise(() => {}), 1_000);
  const ending = expect(closed.current()).rejects.toMatchObject({ code: 'closed', retriable: false });
  closed.close();
  await ending;
  expect(vi.getTimerCount()).toBe(0);
});
