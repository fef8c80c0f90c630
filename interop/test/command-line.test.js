// The binary from the outside: bad configuration, tokens, and what `callboard dev` prints.

import assert from 'node:assert/strict';
import net from 'node:net';
import { describe, test } from 'node:test';
import { cell } from '../lib/matrix.js';
import { run, temporaryFolder } from '../lib/process.js';
import { sparePort } from '../lib/ports.js';
import { CALLBOARD, Server } from '../lib/server.js';

const SECRET = 'a secret of thirty-two bytes or more';

/** Runs `callboard` to its end, with nothing but these variables. */
const callboard = (args, env) => run(`callboard ${args.join(' ')}`, CALLBOARD, args, env);

describe('bad configuration', { concurrency: 4 }, () => {
  for (const [name, value] of [
    ['JWT_SECRET', 'too-short-a-secret'],
    ['PORT', 'http'],
    ['PORT', '65536'],
    ['LISTEN', 'nowhere'],
    ['ADMIN_LISTEN', '127.0.0.1'],
    ['CLIENT_URL', 'not an origin'],
    ['MAX_CONNECTIONS', '-1'],
    ['MAX_HANDSHAKES_PER_SECOND', 'a'],
    ['JWT_USER_CLAIM', ''],
    ['DRAIN_DELAY', 'soon'],
    ['LOG_FORMAT', 'xml'],
    ['MAX_PAYLOAD', 'big'],
    ['SEND_QUEUE', 'some'],
    ['REPLAY_LIMIT', 'all'],
    ['PING_INTERVAL', 'often'],
    ['MAX_PARTICIPANTS', '0.5'],
  ]) {
    test(`${name}=${value} ends with status 2 and one line that names it`, async () => {
      const env = {
        LISTEN: `127.0.0.1:${await sparePort()}`,
        ADMIN_LISTEN: `127.0.0.1:${await sparePort()}`,
        DATA_DIR: temporaryFolder(),
        JWT_SECRET: SECRET,
        [name]: value,
      };
      if (name === 'PORT') delete env.LISTEN;
      namesOnly(name, await callboard(['dev'], env), value);
    });
  }
});

describe('a role without what it needs', { concurrency: 4 }, () => {
  const local = async () => `127.0.0.1:${await sparePort()}`;
  const all = async () => ({
    LISTEN: await local(),
    ADMIN_LISTEN: await local(),
    INTERNAL_LISTEN: await local(),
    DATABASE_URL: `postgres://${await local()}/callboard`,
    REDIS_URL: `redis://${await local()}`,
    API_URL: `http://${await local()}`,
    INTERNAL_TOKEN: 'a-token-of-this-test',
    JWT_SECRET: SECRET,
    TOKEN_USER: 'alice',
  });
  const ROLES = {
    api: ['DATABASE_URL', 'REDIS_URL', 'INTERNAL_TOKEN', 'JWT_SECRET'],
    gateway: ['REDIS_URL', 'API_URL', 'INTERNAL_TOKEN', 'JWT_SECRET'],
    migrate: ['DATABASE_URL'],
    token: ['TOKEN_USER'],
  };
  for (const [role, needs] of Object.entries(ROLES)) {
    for (const name of needs) {
      test(`callboard ${role} without ${name} ends with status 2 and one line that names it`, async () => {
        const { [name]: _, ...env } = await all();
        namesOnly(name, await callboard([role], env));
      });
    }
  }
  for (const [role, name, value] of [
    ['api', 'DATABASE_URL', 'postgres:///callboard'],
    ['api', 'DATABASE_CONNECTIONS', '0'],
    ['api', 'REDIS_URL', 'unix:///run/redis.sock'],
    ['gateway', 'INTERNAL_ADDR', '0.0.0.0:5012'],
  ]) {
    test(`callboard ${role} with ${name}=${value} ends with status 2 and one line that names it`, async () => {
      namesOnly(name, await callboard([role], { ...(await all()), [name]: value }), value);
    });
  }
});

function namesOnly(name, { code, stderr }, value) {
  assert.equal(code, 2, stderr);
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  assert.equal(lines.length, 1, stderr);
  assert.match(lines[0], new RegExp(`\\b${name}\\b.*; expected (?!.*(not in|invalid))`));
  if (name === 'JWT_SECRET' && value) assert.equal(stderr.includes(value), false, 'a secret is not repeated');
}

test('callboard migrate names the database that it waits for, and gives up', async () => {
  const place = `127.0.0.1:${await sparePort()}/callboard`;
  const { code, stderr } = await callboard(['migrate'], { DATABASE_URL: `postgres://me:hidden@${place}` });
  assert.equal(code, 1, stderr);
  const lines = stderr.trim().split('\n');
  assert.match(lines[0], new RegExp(`connecting to the database.*${place}`));
  assert.match(lines[1], /trying again.*refused/);
  assert.match(lines.at(-1), new RegExp(`^the database ${place} .*refused`));
  assert.equal(stderr.includes('hidden'), false, 'a password is not repeated');
});

test('a port that is taken ends with status 1', async (t) => {
  const taken = net.createServer();
  await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.after(() => taken.close());
  const { code } = await callboard(['dev'], {
    LISTEN: `127.0.0.1:${taken.address().port}`,
    ADMIN_LISTEN: `127.0.0.1:${await sparePort()}`,
    DATA_DIR: temporaryFolder(),
    JWT_SECRET: SECRET,
  });
  assert.equal(code, 1);
});

test('--help names every command and setting', async () => {
  const { code, stdout } = await callboard(['--help'], {});
  assert.equal(code, 0);
  for (const command of ['dev', 'api', 'gateway', 'migrate', 'token']) assert.match(stdout, new RegExp(`\\b${command}\\b`));
  const dev = await callboard(['dev', '--help'], {});
  assert.equal(dev.code, 0);
  for (const name of ['CLIENT_URL', 'JWT_SECRET', 'LISTEN', 'ADMIN_LISTEN', 'DATA_DIR', 'SEND_QUEUE', 'REPLAY_LIMIT']) {
    assert.match(dev.stdout, new RegExp(`\\b${name}\\b`));
  }
});

test('flags do what variables do', async (t) => {
  const server = new Server({}, { dev: true });
  await server.deployment.choosePorts();
  const { LISTEN, DATA_DIR, ...env } = server.env;
  const args = ['dev', '--listen', LISTEN, '--data', DATA_DIR];
  await server.start({ args, env });
  t.after(() => server.stop());
  const alice = server.user('alice');
  assert.equal((await alice.get('/messages/conversations')).status, 200);
});

test('callboard token mints what the server takes', async (t) => {
  const server = new Server({}, { dev: true });
  await server.start();
  t.after(() => server.stop());
  const { code, stdout } = await callboard(['token', '--user', 'carol', '--name', 'Carol C.', '--ttl', '1h'], { JWT_SECRET: server.secret });
  assert.equal(code, 0);
  const token = stdout.trim();
  const { exp, name } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  assert.equal(name, 'Carol C.');
  assert.ok(Math.abs(exp - Date.now() / 1000 - 3_600) < 60);
  const tab = cell().open(t, server.url, { token });
  assert.equal((await tab.ready()).userId, 'carol');
});

test('dev needs no secret: it makes one, keeps it, and prints tokens that work', async (t) => {
  const server = new Server({}, { dev: true });
  await server.deployment.choosePorts();
  const { JWT_SECRET, ...env } = server.env;
  assert.ok(JWT_SECRET);
  await server.start({ env });
  t.after(() => server.stop());
  const tokens = () => server.log.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g) ?? [];
  const users = async (list) => {
    const tabs = list.map((token) => cell().open(t, server.url, { token }));
    const ready = await Promise.all(tabs.map((tab) => tab.ready()));
    for (const tab of tabs) tab.close();
    return ready.map(({ userId }) => userId).sort();
  };
  const first = tokens();
  assert.deepEqual(await users(first), ['alice', 'bob', 'carol']);
  assert.ok(server.log.includes(server.url), 'its address');

  assert.equal(await server.stop(), 0);
  await server.start({ env });
  assert.deepEqual(await users(first), ['alice', 'bob', 'carol'], 'the old tokens');
  const minted = await callboard(['token', '--user', 'dave'], { DATA_DIR: server.deployment.folder });
  assert.equal(minted.code, 0);
  assert.deepEqual(await users([minted.stdout.trim()]), ['dave']);
});
