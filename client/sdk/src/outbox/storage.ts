/** A message that waits to be sent, as it is stored. */
export interface OutboxItem {
  readonly clientMessageId: string;
  readonly conversationId: string;
  /** Its place in the queue; places are not shared. */
  readonly order: number;
  readonly content: string;
  /** When it was written (RFC 3339). */
  readonly createdAt: string;
  readonly status: 'queued' | 'sending' | 'failed';
  /** Why it failed. */
  readonly error?: { readonly code: string; readonly message: string };
}

/** Where the queue is kept. `owner` tells servers and users apart. */
export interface OutboxStorage {
  /** All of an owner's messages, in order. */
  load(owner: string): Promise<OutboxItem[]>;
  /** Adds a message, or replaces the one with the same `clientMessageId`. Resolves once it is safe. */
  put(owner: string, item: OutboxItem): Promise<void>;
  delete(owner: string, item: OutboxItem): Promise<void>;
  /** Deletes all of an owner's messages. */
  clear(owner: string): Promise<void>;
  close(): void;
}
