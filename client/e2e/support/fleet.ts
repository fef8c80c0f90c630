// `make fleet`, started for a test: two APIs and three gateways behind a proxy.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sign, sparePort } from '../../sdk/test/support/server.js';
import type { Deployment } from './api.js';

const binary = process.env.FLEET_BIN ?? fileURLToPath(new URL('../../../target/debug/fleet', import.meta.url));

export class Fleet implements Deployment {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #said = '';

  private constructor(readonly url: string) {
    this.#child = spawn(binary, ['--listen', new URL(url).host], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = new Promise((done) => this.#child.once('close', done));
  }

  /** Returns once every part of it is ready. */
  static async start(): Promise<Fleet> {
    const fleet = new Fleet(`http://127.0.0.1:${await sparePort()}`);
    await fleet.#ready();
    return fleet;
  }

  #ready(): Promise<void> {
    return new Promise((ready, failed) => {
      this.#child.once('error', failed);
      this.#child.once('close', () => failed(new Error(`${binary} ended before it was ready\n${this.#said}`)));
      this.#child.stderr?.on('data', (text) => (this.#said += text));
      this.#child.stdout?.on('data', (text) => {
        this.#said += text;
        // The last thing it says.
        if (/^logs /m.test(this.#said)) ready();
      });
    });
  }

  token(userId: string): string {
    const secret = /^JWT_SECRET +(\S+)$/m.exec(this.#said)?.[1];
    if (!secret) throw new Error(`no secret in\n${this.#said}`);
    return sign(secret, userId);
  }

  /** Ends all gateways but one at once, as crashes would; returns how many. The proxy finds out by itself. */
  killGatewaysButOne(): number {
    const gateways = childrenOf(this.#child.pid, 'gateway').slice(1);
    for (const gateway of gateways) process.kill(gateway, 'SIGKILL');
    return gateways.length;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

/** The children of a process that were started with this as their first argument. */
function childrenOf(parent: number | undefined, argument: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        // Behind the name, which may contain anything but a last bracket: state, parent.
        const [, ppid] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
        return Number(ppid) === parent && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[1] === argument;
      } catch {
        return false; // It has ended meanwhile.
      }
    });
}
