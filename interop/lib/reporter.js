// A reporter for `node --test`: a line per file, each failure in full; at the end what failed, and the count.

import { basename } from 'node:path';
import { inspect } from 'node:util';

export default async function* report(source) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  let current;
  for await (const { type, data } of source) {
    if (type === 'test:stderr') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const { name, skip, details } = data;
    if (details.type === 'suite') continue;
    // A file that could not even be loaded is a failure that bears the file's path as its name.
    const file = basename(data.file ?? name, '.test.js');
    if (current?.file !== file) {
      yield line(current);
      current = { file, passed: 0, failed: 0, skipped: 0 };
    }
    const outcome = type === 'test:fail' ? 'failed' : skip === undefined ? 'passed' : 'skipped';
    current[outcome] += 1;
    total[outcome] += 1;
    if (outcome === 'failed') {
      const error = details.error.cause ?? details.error;
      yield `✖ ${file}: ${name}\n${indented(inspect(error))}\n`;
      failures.push(`✖ ${file}: ${name}: ${String(error.message ?? error).split('\n', 1)}\n`);
    }
  }
  yield line(current);
  yield* failures;
  yield line({ file: 'all', ...total });
}

function line(tally) {
  if (!tally) return '';
  const { file, passed, failed, skipped } = tally;
  return `${failed > 0 ? '✖' : '✔'} ${file}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`;
}

function indented(text) {
  return text.replaceAll(/^/gm, '    ');
}
