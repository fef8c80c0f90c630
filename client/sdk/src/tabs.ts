import type { OutboxItem } from './outbox/storage.js';
import type { Message } from './wire.js';

/** What one tab tells the others of the queue that they share. */
export type TabMessage =
  | { type: 'put'; item: OutboxItem }
  /** It was sent, and this is what the server made of it; or it was discarded. */
  | { type: 'drop'; item: OutboxItem; message?: Message }
  | { type: 'clear' };

/** The other tabs of the same user and server, and the lock that says which of them sends. */
export class Tabs {
  /** Without Web Locks, which insecure origins lack and browsers may deny, every tab sends for itself. */
  haveLock = globalThis.navigator?.locks !== undefined;
  #channel: BroadcastChannel | undefined;

  constructor(
    readonly name: string,
    listener: (message: TabMessage) => void,
  ) {
    try {
      this.#channel = new BroadcastChannel(`callboard:${name}`);
      this.#channel.onmessage = ({ data }: MessageEvent<TabMessage>) => listener(data);
    } catch {
      // There are none, or the browser denies them: nobody could tell the tab with the lock what to send.
      this.haveLock = false;
    }
  }

  tell(message: TabMessage): void {
    this.#channel?.postMessage(message);
  }

  /** Waits for the lock and calls `held`, once. The function it returns gives the lock up, or stops waiting. */
  lock(held: () => void): () => void {
    if (!this.haveLock) {
      held();
      return () => {};
    }
    const waiting = new AbortController();
    let release = () => waiting.abort();
    const hold = () =>
      new Promise<void>((done) => {
        release = done;
        held();
      });
    // Rejects when the waiting ends, or where the browser denies locks.
    navigator.locks.request(`callboard:outbox:${this.name}`, { signal: waiting.signal }, hold).catch(() => {
      if (waiting.signal.aborted) return;
      this.haveLock = false;
      held();
    });
    return () => release();
  }

  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }
}
