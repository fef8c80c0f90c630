// A server started for a test file on ports and data of its own: `callboard dev`, or a fleet where
// CALLBOARD_TARGET says so.

import assert from 'node:assert/strict';
import { after } from 'node:test';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { resolve } from 'node:path';
import { Dev } from './deployment/dev.js';
import { Fleet } from './deployment/fleet.js';
import { eventually } from './recorder.js';
import { request } from './http.js';
import { now, sign } from './token.js';
import { User } from './user.js';

const interop = fileURLToPath(new URL('..', import.meta.url));

export const CALLBOARD = resolve(interop, process.env.CALLBOARD_BIN ?? '../target/debug/callboard');

/** Whether the tests run against a fleet. */
export const FLEET = process.env.CALLBOARD_TARGET === 'fleet';

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

  /** With `dev`, `callboard dev` even where the tests run against a fleet; `gateways` is how many a fleet has. */
  constructor(env = {}, { dev = !FLEET, gateways = 3 } = {}) {
    this.extraEnv = env;
    this.secret = randomBytes(32).toString('hex');
    this.deployment = dev ? new Dev(CALLBOARD) : new Fleet(CALLBOARD, gateways);
  }

  get url() {
    return `http://127.0.0.1:${this.deployment.port}`;
  }

  /** Where bytes reach a gateway as they are. */
  get wirePort() {
    return this.deployment.wirePort;
  }

  get adminUrls() {
    return this.deployment.adminPorts.map((port) => `http://127.0.0.1:${port}`);
  }

  get log() {
    return this.deployment.log;
  }

  get env() {
    return { ...this.deployment.env(this.secret), ...this.extraEnv };
  }

  /** The ports stay the same from one start to the next; `args` and `env` replace the usual ones. */
  async start({ args, env } = {}) {
    const { deployment } = this;
    await deployment.choosePorts();
    await deployment.start(env ?? this.env, args);
    const isReady = async (url) => (await request(`${url}/readyz`).catch(() => undefined))?.status === 200;
    await eventually(async () => {
      if (!deployment.alive) throw new Error(`${deployment.title} did not start:\n${deployment.log}`);
      return (await Promise.all(this.adminUrls.map(isReady))).every(Boolean);
    }, `${deployment.title} to be ready`, 60_000);
    await eventually(async () => (await request(this.url).catch(() => undefined))?.status === 200, 'an answer');
    return this;
  }

  /** SIGTERM; resolves to the exit status. */
  stop() {
    return this.deployment.stop();
  }

  async kill() {
    await this.deployment.kill();
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

  /** The sum of a metric over all processes and all label sets that hold these labels. */
  async metric(name, labels = {}) {
    const answers = await Promise.all(this.adminUrls.map((url) => request(`${url}/metrics`)));
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    return answers
      .map(({ text }) => text)
      .join('')
      .split('\n')
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }
}
