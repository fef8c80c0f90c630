import type { OutboxItem, OutboxStorage } from './storage.js';

/** A queue that lives as long as this object. */
export class MemoryStorage implements OutboxStorage {
  readonly #items = new Map<string, { owner: string; item: OutboxItem }>();

  async load(owner: string): Promise<OutboxItem[]> {
    const mine = [...this.#items.values()].filter((one) => one.owner === owner);
    return mine.map((one) => one.item).sort((a, b) => a.order - b.order);
  }

  async put(owner: string, item: OutboxItem): Promise<void> {
    this.#items.set(item.clientMessageId, { owner, item });
  }

  async delete(_owner: string, item: OutboxItem): Promise<void> {
    this.#items.delete(item.clientMessageId);
  }

  async clear(owner: string): Promise<void> {
    for (const [id, one] of this.#items) if (one.owner === owner) this.#items.delete(id);
  }

  close(): void {}
}
