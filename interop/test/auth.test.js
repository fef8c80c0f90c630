// Tokens: how a connection is refused, how it ends when its token does, and how it is kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matrix } from '../lib/matrix.js';
import { request } from '../lib/http.js';
import { Server } from '../lib/server.js';
import { isProblem } from '../lib/shapes.js';
import { now, sign, unsigned } from '../lib/token.js';

const server = await Server.forThisFile({ env: { RUST_LOG: 'debug' } });

const REFUSALS = {
  invalid_token: 'Authentication error: Invalid token',
  token_expired: 'Authentication error: Token expired',
  token_missing: 'Authentication error: Token missing',
};

/** Signed by the server's secret, kept for the search in the log, but wrong in some way. */
function remembered(token) {
  server.tokens.push(token);
  return token;
}

const claims = { sub: 'eve', name: 'Eve', exp: now() + 3600 };
const BAD = {
  'not a token': ['invalid.jwt.token', 'invalid_token'],
  'an empty token': ['', 'token_missing'],
  'another secret': [remembered(sign(claims, 'x'.repeat(32))), 'invalid_token'],
  'another algorithm': [remembered(sign(claims, server.secret, { alg: 'HS512', hash: 'sha512' })), 'invalid_token'],
  'no signature': [remembered(unsigned(claims)), 'invalid_token'],
  'no exp': [remembered(sign({ sub: 'eve' }, server.secret)), 'invalid_token'],
  'no user': [remembered(sign({ exp: claims.exp }, server.secret)), 'invalid_token'],
  'a user id that is too long': [remembered(sign({ ...claims, sub: 'x'.repeat(129) }, server.secret)), 'invalid_token'],
  'past exp': [remembered(sign({ ...claims, exp: now() - 1 }, server.secret)), 'token_expired'],
  'past exp, another secret': [remembered(sign({ ...claims, exp: now() - 1 }, 'x'.repeat(32))), 'invalid_token'],
};

const bearer = (token) => ({ Authorization: `Bearer ${token}` });

matrix('the handshake', {}, (cell) => {
  for (const [what, [token, code]] of Object.entries(BAD)) {
    test(`refuses ${what}`, async (t) => {
      const tab = cell.open(t, server.url, { token });
      const error = await tab.refused();
      assert.equal(error.message, REFUSALS[code]);
      assert.deepEqual(error.data, { code });
      assert.equal(tab.socket.active, false, 'the client does not come back');
      assert.deepEqual(tab.heard, []);
    });
  }

  test('refuses when there is no token, or only one in the query', async (t) => {
    const query = { token: server.user('alice').token() };
    for (const options of [{ auth: {} }, { auth: undefined }, { auth: {}, query }]) {
      const error = await cell.open(t, server.url, options).refused();
      assert.equal(error.message, REFUSALS.token_missing);
      assert.deepEqual(error.data, { code: 'token_missing' });
    }
  });

  test('takes the token from the Authorization header', async (t) => {
    const alice = server.user('alice');
    const tab = cell.open(t, server.url, { auth: {}, extraHeaders: bearer(alice.token()) });
    assert.equal((await tab.ready()).userId, alice.id);
    const refused = cell.open(t, server.url, { auth: {}, extraHeaders: bearer('nonsense') });
    assert.deepEqual((await refused.refused()).data, { code: 'invalid_token' });
  });

  test('takes the user from sub, userId or id, and integers as text', async (t) => {
    for (const [payload, userId] of [
      [{ sub: 'a', userId: 'b', id: 'c' }, 'a'],
      [{ userId: 'b', id: 'c' }, 'b'],
      [{ id: 'c' }, 'c'],
      [{ sub: 42 }, '42'],
      [{ sub: 'käse/§ 1' }, 'käse/§ 1'],
    ]) {
      const tab = cell.open(t, server.url, { token: server.mint(payload) });
      assert.equal((await tab.ready()).userId, userId);
    }
  });
});

matrix('the end of a token', { atOnce: 9 }, (cell) => {
  test('is announced, refuses events, and closes the transport 5 s later', async (t) => {
    const alice = server.user('alice');
    const { id } = await alice.create();
    const exp = now() + 3;
    const tab = await cell.tab(t, alice, { token: alice.token({ exp }) });
    await tab.join(id);

    assert.deepEqual(await tab.next('token-expired'), {});
    const announced = performance.now();
    assert.ok(Date.now() >= exp * 1000, 'not before exp');
    assert.equal(await tab.mustNot('typing-start', id), 'token_expired');
    assert.equal(await tab.mustNot('send-message', { conversationId: id, content: 'late' }), 'token_expired');
    tab.emit('join-conversation', id);
    assert.equal((await tab.next('error')).code, 'token_expired');

    const reason = await tab.disconnected();
    assert.notEqual(reason, 'io server disconnect', 'the client must be free to come back with a fresh token');
    const grace = performance.now() - announced;
    assert.ok(grace > 4_000 && grace < 8_000, `closed after ${grace} ms`);
    const refusal = await tab.refused();
    assert.equal(refusal.message, REFUSALS.token_expired);
    assert.deepEqual(refusal.data, { code: 'token_expired' });
    assert.deepEqual(tab.seqs(id), []);
  });

  test('does not concern a connection that was given a fresh one, before or after', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const { id } = await alice.create();
    const exp = now() + 3;
    const short = () => ({ token: alice.token({ exp }) });
    const [early, late, never] = await Promise.all([1, 2, 3].map(() => cell.tab(t, alice, short())));

    assert.equal(await early.mustNot('refresh-token', { token: alice.token({ ttl: -1 }) }), 'token_expired');
    assert.equal(await early.mustNot('refresh-token', { token: 'nonsense' }), 'invalid_token');
    const stolen = await early.mustNot('refresh-token', { token: bob.token() });
    assert.ok(['forbidden', 'invalid_token'].includes(stolen), stolen);
    await early.must('refresh-token', { token: alice.token() });

    await late.next('token-expired');
    await late.must('refresh-token', { token: alice.token() });
    await never.disconnected();
    for (const tab of [early, late]) {
      await tab.must('send-message', { conversationId: id, content: 'still here' });
      assert.deepEqual(tab.disconnects, []);
    }
    assert.deepEqual(early.all('token-expired'), []);
    assert.equal(late.all('token-expired').length, 1);
  });
});

test('REST refuses the same tokens with the same codes', async () => {
  const url = `${server.url}/messages/conversations`;
  for (const [token, code] of Object.values(BAD)) {
    if (token !== '') isProblem(await request(url, { headers: bearer(token) }), 401, code);
  }
  isProblem(await request(url), 401, 'token_missing');
  const good = server.user('alice').token();
  isProblem(await request(`${url}?token=${good}&access_token=${good}`), 401, 'token_missing');
});

test('issuer, audience and user claim can be pinned', async (t) => {
  const pinned = new Server({ JWT_ISSUER: 'the platform', JWT_AUDIENCE: 'callboard', JWT_USER_CLAIM: 'uid' });
  await pinned.start();
  t.after(() => pinned.stop());
  const status = async (payload) => {
    const headers = bearer(pinned.mint(payload));
    return (await request(`${pinned.url}/messages/conversations`, { headers })).status;
  };
  const good = { uid: 'alice', iss: 'the platform', aud: 'callboard' };
  assert.equal(await status(good), 200);
  assert.equal(await status({ ...good, aud: ['other', 'callboard'] }), 200);
  assert.equal(await status({ ...good, iss: 'someone else' }), 401);
  assert.equal(await status({ ...good, iss: undefined }), 401);
  assert.equal(await status({ ...good, aud: 'other' }), 401);
  assert.equal(await status({ ...good, aud: undefined }), 401);
  assert.equal(await status({ ...good, uid: undefined, sub: 'alice' }), 401);
});

test('no token and no secret is in the log', () => {
  assert.ok(server.tokens.length > 20);
  assert.equal(server.log.includes(server.secret), false, 'the secret');
  for (const token of server.tokens) {
    const telling = token.split('.').at(-1) || token;
    assert.equal(server.log.includes(telling), false, 'a token');
  }
});
