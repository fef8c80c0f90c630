// `callboard dev`, started for a test file on a port and data of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('../..', import.meta.url));
const binary = resolve(here, process.env.CALLBOARD_BIN ?? '../../target/debug/callboard');

/** A token for a user, good for `ttl` seconds. */
export function sign(secret: string, userId: string, ttl = 3600): string {
  const claims = {
    sub: userId,
    name: userId[0]?.toUpperCase() + userId.slice(1),
    exp: Math.floor(Date.now() / 1000) + ttl,
  };
  const head = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
}

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A loopback port that nobody listens on, outside the range that outgoing connections take theirs from. */
export async function sparePort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((done) => {
      probe.once('error', () => done(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
    });
    if (isFree) return port;
  }
}

export class Server {
  readonly #folder = mkdtempSync(join(tmpdir(), 'callboard-sdk-'));
  readonly #secret = randomBytes(32).toString('hex');
  readonly #env: Record<string, string>;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> | undefined;
  log = '';

  private constructor(
    readonly port: number,
    env: Record<string, string>,
  ) {
    this.#env = {
      LISTEN: `127.0.0.1:${port}`,
      ADMIN_LISTEN: '127.0.0.1:0',
      DATA_DIR: this.#folder,
      JWT_SECRET: this.#secret,
      RUST_LOG: 'warn',
      MAX_EVENTS_PER_MINUTE: '1000000',
      MAX_REQUESTS_PER_MINUTE: '1000000',
      ...env,
    };
  }

  static async start(env: Record<string, string> = {}): Promise<Server> {
    const server = new Server(await sparePort(), env);
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Starts it, on the same port and data each time. */
  async up(): Promise<void> {
    const child = spawn(binary, ['dev'], { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#ended = new Promise((done) => child.once('close', done));
    child.stderr.on('data', (text) => (this.log += text));
    await new Promise<void>((listening, failed) => {
      child.once('error', failed);
      child.once('close', () => failed(new Error(`${binary} ended before it listened\n${this.log}`)));
      child.stdout.on('data', (text) => String(text).includes('listening on') && listening());
    });
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** Ends it for good. */
  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** A token for a user, good for `ttl` seconds. */
  token(userId: string, ttl = 3600): string {
    return sign(this.#secret, userId, ttl);
  }
}
