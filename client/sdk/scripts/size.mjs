// What an application loads: the library, minified and compressed, without socket.io-client, which it may share.

import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const LIMIT = 12_000;

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL('../src/index.ts', import.meta.url))],
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  external: ['socket.io-client'],
  write: false,
});
const bytes = outputFiles[0].contents;
const size = gzipSync(bytes, { level: 9 }).length;
console.log(`@callboard/client: ${size} bytes (${bytes.length} before gzip); at most ${LIMIT}`);
if (size > LIMIT) process.exitCode = 1;
