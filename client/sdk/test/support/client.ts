// Clients as tests use them, and waiting for what they show.

import {
  Callboard,
  type CallboardEvents,
  type CallboardOptions,
  type ChatMessage,
  type Observable,
} from '../../src/index.js';
import type { Server } from './server.js';

/** Resolves once the observable's value fits, to that value. */
export function until<T, U extends T>(
  observable: Observable<T>,
  fits: (value: T) => value is U,
  what?: string,
): Promise<U>;
export function until<T>(observable: Observable<T>, fits: (value: T) => boolean, what?: string): Promise<T>;
export function until<T>(observable: Observable<T>, fits: (value: T) => boolean, what = 'it'): Promise<T> {
  return new Promise((done, failed) => {
    const check = () => {
      const value = observable.get();
      if (!fits(value)) return;
      clearTimeout(timer);
      unsubscribe();
      done(value);
    };
    const unsubscribe = observable.subscribe(check);
    const timer = setTimeout(() => {
      unsubscribe();
      failed(new Error(`waited for ${what} in vain; last: ${JSON.stringify(observable.get())}`));
    }, 60_000);
    check();
  });
}

/** The next event of a name that fits. */
export function next<N extends keyof CallboardEvents>(
  client: Callboard,
  name: N,
  fits: (event: CallboardEvents[N]) => boolean = () => true,
): Promise<CallboardEvents[N]> {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`waited for ${name} in vain`)), 60_000);
    const stop = client.on(name, (event) => {
      if (!fits(event)) return;
      clearTimeout(timer);
      stop();
      done(event);
    });
  });
}

export const isConnected = ({ state }: { state: string }) => state === 'connected';

export const contents = (items: readonly ChatMessage[]) => items.map((message) => message.content);

/** Clients that are closed when the test is over. */
export class Clients {
  readonly #open = new Set<Callboard>();

  constructor(readonly server: Server) {}

  /** Not connected yet. Quick to come back, so that tests are. */
  make(userId: string, options: Partial<CallboardOptions> = {}): Callboard {
    const client = new Callboard({
      url: this.server.url,
      userId,
      getToken: () => this.server.token(userId),
      reconnection: { delays: [100, 200, 400], attempts: 100 },
      storage: 'memory',
      ...options,
    });
    this.#open.add(client);
    return client;
  }

  async connected(userId: string, options: Partial<CallboardOptions> = {}): Promise<Callboard> {
    const client = this.make(userId, options);
    client.connect();
    await until(client.status, isConnected, `${userId} to be connected`);
    await until(client.conversations, ({ loaded }) => loaded, 'the conversations');
    return client;
  }

  close(): void {
    for (const client of this.#open) client.close();
    this.#open.clear();
  }
}
