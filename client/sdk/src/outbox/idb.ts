import { type DBSchema, type IDBPDatabase, openDB } from 'idb';
import type { OutboxItem, OutboxStorage } from './storage.js';

interface Schema extends DBSchema {
  outbox: { key: [owner: string, order: number, clientMessageId: string]; value: OutboxItem };
}

const keyOf = (owner: string, { order, clientMessageId }: OutboxItem): Schema['outbox']['key'] => [
  owner,
  order,
  clientMessageId,
];

/** Everything of an owner: in IndexedDB's order arrays come after every number. */
const allOf = (owner: string) => IDBKeyRange.bound([owner], [owner, []]);

/** The queue in the browser's database, which all tabs share. */
export class IndexedDbStorage implements OutboxStorage {
  readonly #database: Promise<IDBPDatabase<Schema>> = openDB<Schema>('callboard', 1, {
    upgrade: (database) => void database.createObjectStore('outbox'),
    // A later version of this library in another tab may want to change the database.
    blocking: (_current, _blocked, event) => (event.target as IDBDatabase).close(),
  });

  async load(owner: string): Promise<OutboxItem[]> {
    return (await this.#database).getAll('outbox', allOf(owner));
  }

  async put(owner: string, item: OutboxItem): Promise<void> {
    await (await this.#database).put('outbox', item, keyOf(owner, item));
  }

  async delete(owner: string, item: OutboxItem): Promise<void> {
    await (await this.#database).delete('outbox', keyOf(owner, item));
  }

  async clear(owner: string): Promise<void> {
    await (await this.#database).delete('outbox', allOf(owner));
  }

  close(): void {
    this.#database.then(
      (database) => database.close(),
      () => {},
    );
  }
}
