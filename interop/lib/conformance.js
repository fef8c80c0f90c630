// The `conformance` example: the two protocol layers without the product on top.

import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import { Child } from './process.js';
import { sparePort } from './ports.js';
import { eventually } from './recorder.js';
import { request } from './http.js';

const interop = fileURLToPath(new URL('..', import.meta.url));
const BINARY = resolve(interop, process.env.CONFORMANCE_BIN ?? '../target/debug/examples/conformance');

/** Starts it for the tests of one file; resolves to its URL. */
export async function conformanceServer() {
  const port = await sparePort();
  const url = `http://127.0.0.1:${port}`;
  const child = new Child(`conformance on port ${port}`, BINARY, ['--listen', `127.0.0.1:${port}`], { RUST_LOG: 'info' });
  await eventually(async () => {
    if (!child.alive) throw new Error(`the conformance server did not start:\n${child.log}`);
    return request(`${url}/engine.io/?EIO=4&transport=polling`).catch(() => undefined);
  }, 'the conformance server to listen', 60_000);
  after(() => child.end('SIGKILL'));
  return url;
}
