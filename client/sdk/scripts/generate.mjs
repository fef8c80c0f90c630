// Makes src/generated/rest.ts from the server's own description of its API.
//
//   npm run generate               writes it
//   npm run generate -- --check    fails if it differs from what the server says
//
// CALLBOARD_BIN names the server's binary.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';

const here = fileURLToPath(new URL('..', import.meta.url));
const binary = resolve(here, process.env.CALLBOARD_BIN ?? '../../target/debug/callboard');
const target = fileURLToPath(new URL('../src/generated/rest.ts', import.meta.url));
const HEAD = "// Generated from the server's /openapi.json by `npm run generate`. Not to be edited.\n\n";

/** Runs a server for as long as `use` takes; it says where it listens in the first line of its output. */
async function withServer(use) {
  const folder = mkdtempSync(join(tmpdir(), 'callboard-generate-'));
  const env = { LISTEN: '127.0.0.1:0', ADMIN_LISTEN: '127.0.0.1:0', DATA_DIR: folder, RUST_LOG: 'warn' };
  const server = spawn(binary, ['dev'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => server.once('close', done));
  try {
    const url = await new Promise((found, failed) => {
      server.once('error', failed);
      server.once('close', () => failed(new Error(`${binary} ended before it listened`)));
      server.stdout.on('data', (text) => {
        const address = /listening on (\S+)/.exec(text);
        if (address) found(address[1]);
      });
    });
    return await use(url);
  } finally {
    server.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

const description = await withServer(async (url) => (await fetch(`${url}/openapi.json`)).json());
const types = astToString(await openapiTS(description, { alphabetize: true }));
// The text of a doc comment is its description; TypeDoc knows no tag for that.
const text = HEAD + types.replaceAll('@description ', '');
if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
} else if (readFileSync(target, 'utf8') !== text) {
  console.error('src/generated/rest.ts is not what the server describes: run `npm run generate`');
  process.exitCode = 1;
}
