import type { OutboxItem } from './outbox/storage.js';
import type { Message } from './wire.js';

/** What one tab tells the others: of the queue that they share, and of what was read. */
export type TabMessage =
  | { type: 'put'; item: OutboxItem }
  /** It was sent, and this is what the server made of it; or it was discarded. */
  | { type: 'drop'; item: OutboxItem; message?: Message }
  | { type: 'clear' }
  /** The server does not announce it in large conversations. */
  | { type: 'read'; conversationId: string; readSeq: number; unreadCount: number };

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

  /**
   * Waits for the lock, or takes it from another tab; then calls `held`, and `lost` if another tab takes it. The function it
   * returns gives the lock up, or stops waiting.
   */
  lock(take: boolean, held: () => void, lost: () => void): () => void {
    const end = new AbortController();
    const { signal } = end;
    const hold = () =>
      new Promise<unknown>((done) => {
        signal.onabort = done;
        if (signal.aborted) done(undefined);
        else held();
      });
    const denied = ({ name }: Error) => {
      if (signal.aborted) return;
      this.haveLock &&= name === 'AbortError';
      (this.haveLock ? lost : held)();
    };
    if (!this.haveLock) held();
    else
      navigator.locks.request(`callboard:outbox:${this.name}`, take ? { steal: true } : { signal }, hold).catch(denied);
    return () => end.abort();
  }

  close(): void {
    this.#channel?.close();
    this.#channel = undefined;
  }
}
