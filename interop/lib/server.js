// `callboard dev`, started for a test file on ports and a data folder of its own.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import { Child, sparePort, temporaryFolder } from './process.js';
import { eventually } from './recorder.js';
import { request } from './http.js';
import { now, sign } from './token.js';
import { User } from './user.js';

const interop = fileURLToPath(new URL('..', import.meta.url));

export const CALLBOARD = resolve(interop, process.env.CALLBOARD_BIN ?? '../target/debug/callboard');

/** Nothing in these tests is about limits, unless it says so. */
const GENEROUS = { MAX_EVENTS_PER_MINUTE: '1000000', MAX_REQUESTS_PER_MINUTE: '1000000' };

export class Server {
  #users = 0;
  tokens = [];

  /** Starts the server and stops it when the file's tests are over. */
  static async forThisFile({ env = {}, limits = 'generous' } = {}) {
    const server = new Server({ ...(limits === 'generous' ? GENEROUS : {}), ...env });
    await server.start();
    after(() => server.stop());
    return server;
  }

  constructor(env = {}) {
    this.extraEnv = env;
    this.secret = randomBytes(32).toString('hex');
    this.dataDir = temporaryFolder();
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get adminUrl() {
    return `http://127.0.0.1:${this.adminPort}`;
  }

  get env() {
    return {
      LISTEN: `127.0.0.1:${this.port}`,
      ADMIN_LISTEN: `127.0.0.1:${this.adminPort}`,
      DATA_DIR: this.dataDir,
      JWT_SECRET: this.secret,
      RUST_LOG: 'info',
      ...this.extraEnv,
    };
  }

  /** The ports stay the same from one start to the next; `args` and `env` replace the usual ones. */
  async start({ args = ['dev'], env } = {}) {
    await this.choosePorts();
    this.child = new Child(`callboard dev on port ${this.port}`, CALLBOARD, args, env ?? this.env);
    await eventually(async () => {
      if (!this.child.alive) throw new Error(`callboard dev did not start:\n${this.child.log}`);
      const answer = await request(`${this.adminUrl}/readyz`).catch(() => undefined);
      return answer?.status === 200;
    }, 'callboard dev to be ready', 20_000);
    return this;
  }

  async choosePorts() {
    this.port ??= await sparePort();
    this.adminPort ??= await sparePort();
  }

  /** SIGTERM; resolves to the exit status. */
  async stop() {
    const { code } = await this.child.end('SIGTERM');
    return code;
  }

  async kill() {
    await this.child.end('SIGKILL');
  }

  /** Down and up again, on the same ports and the same data. */
  async restart() {
    assert.equal(await this.stop(), 0, 'a clean drain');
    await this.start();
  }

  /** Signs the claims with the server's secret; `ttl` in seconds gives `exp`, unless the claims say. */
  mint({ ttl = 3600, ...claims }) {
    const token = sign({ exp: now() + ttl, ...claims }, this.secret);
    this.tokens.push(token);
    return token;
  }

  /** Somebody nobody has heard of before. */
  user(label) {
    this.#users += 1;
    const name = label[0].toUpperCase() + label.slice(1);
    return new User(this, `${label}-${this.#users}`, name);
  }

  users(...labels) {
    return labels.map((label) => this.user(label));
  }

  /** The sum of a metric over all label sets that hold these labels. */
  async metric(name, labels = {}) {
    const { text } = await request(`${this.adminUrl}/metrics`);
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    return text
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}
