import type { OutboxItem, OutboxStorage } from './storage.js';

/** A queue that lives as long as this object, and has one owner. */
export class MemoryStorage implements OutboxStorage {
  readonly #items = new Map<string, OutboxItem>();

  async load(): Promise<OutboxItem[]> {
    return [...this.#items.values()].sort((a, b) => a.order - b.order);
  }

  async put(_owner: string, item: OutboxItem): Promise<void> {
    this.#items.set(item.clientMessageId, item);
  }

  async delete(_owner: string, item: OutboxItem): Promise<void> {
    this.#items.delete(item.clientMessageId);
  }

  async clear(): Promise<void> {
    this.#items.clear();
  }

  close(): void {}
}
