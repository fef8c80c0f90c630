import { expect, test } from 'vitest';
import { Callboard } from '../../src/index.js';
import { MemoryStorage } from '../../src/outbox/memory.js';
import { settings } from '../../src/settings.js';

const getToken = () => 'token';

test('logout closes, even if the queue cannot be forgotten', async () => {
  const storage = new MemoryStorage();
  storage.clear = () => Promise.reject(new Error('denied'));
  const client = new Callboard({ url: 'http://127.0.0.1:9', userId: 'alice', getToken, storage });
  await expect(client.logout()).rejects.toThrow('denied');
  expect(client.status.get().state).toBe('closed');
});

test('what is undefined among the options has its default', () => {
  const absent = { socketUrl: undefined, timeout: undefined, reconnection: { delays: undefined, attempts: 3 } };
  const given = settings({ url: 'http://callboard.test/', userId: 'alice', getToken, ...absent });
  const plain = settings({ url: 'http://callboard.test', userId: 'alice', getToken, reconnection: { attempts: 3 } });
  expect(given).toEqual(plain);
});
