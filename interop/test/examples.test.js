// The examples that a newcomer runs first.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../lib/process.js';
import { Server } from '../lib/server.js';

const examplesUrl = new URL('../../examples/', import.meta.url);
const examples = fileURLToPath(examplesUrl);
const server = await Server.forThisFile();

const node = (script, ...args) => run(script, process.execPath, [script, ...args], {}, { cwd: examples });

test('test-websocket.mjs prints what it says it will', async () => {
  const { code, stdout } = await node('test-websocket.mjs', server.url);
  assert.deepEqual(stdout.trimEnd().split('\n'), [
    '🔌 Testing WebSocket connection...',
    '❌ WebSocket connection error (expected due to invalid token): Authentication error: Invalid token',
    '⏰ Test completed',
  ]);
  assert.equal(code, 0);
});

test('the README shows hello.mjs as it is', async () => {
  const [readme, hello] = await Promise.all(['../README.md', 'hello.mjs'].map((file) => readFile(new URL(file, examplesUrl), 'utf8')));
  const code = hello.slice(hello.indexOf('import ')).trim();
  assert.ok(readme.includes(code), 'README.md holds another version of examples/hello.mjs');
});

test('hello.mjs shows one message reaching both', async () => {
  const [alice, bob] = server.users('alice', 'bob');
  const { code, stdout, stderr } = await node('hello.mjs', server.url, alice.token(), bob.token());
  assert.equal(code, 0, stderr);
  for (const who of ['alice', 'bob']) {
    for (const event of ['ready', 'conversation-updated', 'new-message']) {
      assert.match(stdout, new RegExp(`^${who} *← ${event} \\{`, 'm'));
    }
  }
});

test('hello.mjs says what it needs, and when the server refuses', async () => {
  assert.equal((await node('hello.mjs')).code, 2);
  const refused = await node('hello.mjs', server.url, 'nonsense', 'nonsense');
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /Authentication error: Invalid token/);
});
