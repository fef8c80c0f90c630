// Child processes of the tests: started on spare ports, watched, and ended by their own pid.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENCE, within } from './recorder.js';

const LOG_SHOWN = 8_000;
const TOKENS = /eyJ[\w-]+\.[\w-]+\.[\w-]*/g;
const running = new Set();
const folders = new Set();

process.on('exit', (code) => {
  for (const child of Child.all) {
    if (code === 0) break;
    const tail = child.log.slice(-LOG_SHOWN).replaceAll(TOKENS, '(a token)');
    process.stderr.write(`--- log of ${child.title} ---\n${tail}\n`);
  }
  for (const child of running) child.process.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** A folder that goes when the test process does. */
export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'callboard-interop-'));
  folders.add(folder);
  return folder;
}

export class Child {
  static all = new Set();

  log = '';
  stdout = '';
  stderr = '';

  constructor(title, command, args, env = {}, options = {}) {
    this.title = title;
    this.process = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, RUST_BACKTRACE: '1', ...env },
      ...options,
    });
    Child.all.add(this);
    running.add(this);
    for (const stream of ['stdout', 'stderr']) {
      this.process[stream]?.setEncoding('utf8').on('data', (text) => {
        this[stream] += text;
        this.log += text;
      });
    }
    this.exited = new Promise((resolve) => {
      this.process.once('error', (error) => {
        this.log += `${error}\n`;
        running.delete(this);
        resolve({ code: null, signal: null, error });
      });
      this.process.once('close', (code, signal) => {
        running.delete(this);
        resolve({ code, signal });
      });
    });
  }

  get alive() {
    return running.has(this);
  }

  /** Sends the signal and resolves to `{code, signal}`. */
  async end(signal = 'SIGTERM', patience = PATIENCE) {
    if (this.alive) this.process.kill(signal);
    return within(this.exited, `${this.title} to exit after ${signal}`, patience);
  }
}

/** Runs a command to its end: `{code, stdout, stderr}`. */
export async function run(title, command, args, env, options, patience = PATIENCE) {
  const child = new Child(title, command, args, env, options);
  const { code, error } = await within(child.exited, `${title} to end`, patience);
  if (error) throw error;
  return { code, stdout: child.stdout, stderr: child.stderr };
}
