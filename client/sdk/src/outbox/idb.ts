import type { OutboxItem, OutboxStorage } from './storage.js';

const STORE = 'outbox';

const keyOf = (owner: string, { order, clientMessageId }: OutboxItem) => [owner, order, clientMessageId];

/** Everything of an owner: in IndexedDB's order arrays come after every number. */
const allOf = (owner: string) => IDBKeyRange.bound([owner], [owner, []]);

/** The queue in the browser's database, which all tabs share. */
export class IndexedDbStorage implements OutboxStorage {
  readonly #database = opened();

  load(owner: string): Promise<OutboxItem[]> {
    return this.#run('readonly', (store) => store.getAll(allOf(owner)));
  }

  async put(owner: string, item: OutboxItem): Promise<void> {
    await this.#run('readwrite', (store) => store.put(item, keyOf(owner, item)));
  }

  delete(owner: string, item: OutboxItem): Promise<void> {
    return this.#run('readwrite', (store) => store.delete(keyOf(owner, item)));
  }

  clear(owner: string): Promise<void> {
    return this.#run('readwrite', (store) => store.delete(allOf(owner)));
  }

  close(): void {
    this.#database.then(
      (database) => database.close(),
      () => {},
    );
  }

  /** The result of a request, once its transaction is complete. */
  async #run<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = (await this.#database).transaction(STORE, mode);
    const request = ask(transaction.objectStore(STORE));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }
}

/** The database. Rejects also where the browser denies it by throwing. */
async function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open('callboard', 1);
  return new Promise((resolve, reject) => {
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      // A later version of this library in another tab may want to change the database.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
  });
}
