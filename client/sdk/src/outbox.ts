import { backoff, Sleeper } from './backoff.js';
import { type Core, report, update } from './core.js';
import { asError, CallboardError } from './errors.js';
import { MemoryStorage } from './outbox/memory.js';
import type { OutboxItem, OutboxStorage } from './outbox/storage.js';
import { outboxDropped, outboxPut, readArrived } from './state/state.js';
import { type TabMessage, Tabs } from './tabs.js';
import { randomId } from './uuid.js';
import type { Message } from './wire.js';

/**
 * The messages that wait to be sent.
 *
 * Storage is the truth, the state shows it, and of all tabs the one with the lock sends. Each conversation has a lane: one
 * message at a time, in order. A message goes out only after it was stored. The server recognises one that comes twice.
 */
export class Outbox {
  readonly #core: Core;
  readonly #owner: string;
  readonly tabs: Tabs;
  #storage: OutboxStorage;
  readonly #sleeper = new Sleeper();
  /** The conversations that something is being sent in. */
  readonly #lanes = new Set<string>();
  /** What is not yet stored, and must not be sent before it is. */
  readonly #unstored = new Set<string>();
  /** What this tab may send where there is no lock. */
  readonly #ours = new Set<string>();
  /** What was dropped. News of it from storage or another tab may be older. */
  readonly #dropped = new Set<string>();
  #active = false;
  /** Counts the pauses. */
  #turn = 0;
  #unlock: (() => void) | undefined;
  #lastOrder = 0;

  constructor(core: Core, storage: OutboxStorage) {
    this.#core = core;
    this.#storage = storage;
    const { url, userId } = core.settings;
    this.#owner = `${url}:${userId}`;
    this.tabs = new Tabs(this.#owner, (message) => this.#told(message));
    this.#load();
  }

  /**
   * There is a connection: sends, as soon as no other tab does. The tab that the user looks at takes the lock, for another
   * that has it may be frozen.
   */
  resume(take = globalThis.document?.visibilityState === 'visible'): void {
    const turn = this.#turn;
    const held = async () => {
      // Another tab may have stored more, which comes before what is written from now on, and be gone.
      await this.#load();
      if (turn !== this.#turn) return;
      this.#active = true;
      this.#pump();
    };
    this.#unlock ??= this.tabs.lock(take, held, () => this.#again(false));
  }

  /** The user looks at this tab. */
  shown(): void {
    if (this.#unlock && !this.#active) this.#again();
  }

  #again(take?: boolean): void {
    this.pause();
    this.resume(take);
  }

  /** There is no connection, and another tab may have one. */
  pause(): void {
    this.#turn++;
    this.#active = false;
    this.#sleeper.wake();
    this.#unlock?.();
    this.#unlock = undefined;
  }

  add(conversationId: string, content: string): OutboxItem {
    const item: OutboxItem = {
      clientMessageId: randomId(),
      conversationId,
      order: Math.max(Date.now(), this.#lastOrder + 1),
      content,
      createdAt: new Date().toISOString(),
      status: 'queued',
    };
    this.#store(item);
    return item;
  }

  retry(conversationId: string, clientMessageId: string): void {
    const item = this.#find(conversationId, clientMessageId);
    if (item?.status !== 'failed') return;
    const { error: _, ...rest } = item;
    this.#store({ ...rest, status: 'queued' });
  }

  discard(conversationId: string, clientMessageId: string): void {
    const item = this.#find(conversationId, clientMessageId);
    if (item) this.#drop(item);
  }

  /** A message of one's own has arrived: if it was waiting here, it need not any more. */
  arrived(message: Message): void {
    const { conversationId, clientMessageId, senderId } = message;
    if (!clientMessageId || senderId !== this.#core.settings.userId) return;
    const item = this.#find(conversationId, clientMessageId);
    if (item) this.#drop(item, message);
  }

  /** Forgets everything that waits. */
  async clear(): Promise<void> {
    const news = { type: 'clear' } as const;
    this.#told(news);
    this.tabs.tell(news);
    await this.#storage.clear(this.#owner);
  }

  close(): void {
    this.pause();
    this.tabs.close();
    this.#storage.close();
  }

  #items(conversationId: string): readonly OutboxItem[] {
    return this.#core.state.get().outbox.get(conversationId) ?? [];
  }

  #find(conversationId: string, clientMessageId: string): OutboxItem | undefined {
    return this.#items(conversationId).find((item) => item.clientMessageId === clientMessageId);
  }

  /** Shows what is stored. */
  async #load(): Promise<void> {
    try {
      for (const item of await this.#storage.load(this.#owner)) {
        const { clientMessageId, conversationId } = item;
        this.#ours.add(clientMessageId);
        if (this.#dropped.has(clientMessageId) || this.#find(conversationId, clientMessageId)) continue;
        this.#put(item);
      }
    } catch (cause) {
      this.#forsakeStorage(cause);
    }
  }

  /** Shows a message, stores it, and then lets it be sent. */
  async #store(item: OutboxItem): Promise<void> {
    this.#ours.add(item.clientMessageId);
    this.#unstored.add(item.clientMessageId);
    this.#put(item);
    await this.#storage.put(this.#owner, item).catch((cause) => this.#forsakeStorage(cause));
    this.#unstored.delete(item.clientMessageId);
    if (!this.#find(item.conversationId, item.clientMessageId)) return this.#erase(item);
    this.tabs.tell({ type: 'put', item });
    this.#pump();
  }

  #drop(item: OutboxItem, message?: Message): void {
    update(this.#core, outboxDropped, item, message);
    this.tabs.tell({ type: 'drop', item, ...(message && { message }) });
    this.#erase(item);
  }

  #erase(item: OutboxItem): void {
    this.#dropped.add(item.clientMessageId);
    this.#storage.delete(this.#owner, item).catch((cause) => this.#forsakeStorage(cause));
  }

  /** Goes on in memory: what is queued is sent all the same, unless the page is left before. */
  #forsakeStorage(cause: unknown): void {
    if (this.#storage instanceof MemoryStorage) return;
    this.#storage.close();
    this.#storage = new MemoryStorage();
    report(
      this.#core,
      new CallboardError('storage_unavailable', 'The queue cannot be stored on this device.', { cause }),
    );
  }

  #told(news: TabMessage): void {
    if (news.type === 'clear') {
      for (const items of this.#core.state.get().outbox.values()) {
        for (const item of items) update(this.#core, outboxDropped, item);
      }
    } else if (news.type === 'read') {
      const { me, conversations } = this.#core.state.get();
      // Here more may have been read already.
      const isNews = news.unreadCount < (conversations.get(news.conversationId)?.unreadCount ?? 0);
      if (isNews) update(this.#core, readArrived, { ...news, readBy: me }, news.unreadCount);
    } else if (news.type === 'drop') {
      this.#dropped.add(news.item.clientMessageId);
      update(this.#core, outboxDropped, news.item, news.message);
    } else if (!this.#dropped.has(news.item.clientMessageId)) {
      this.#put(news.item);
      this.#pump();
    }
  }

  /** Starts a lane in every conversation in which something can be sent. */
  #pump(): void {
    for (const id of this.#core.state.get().outbox.keys()) {
      if (this.#lanes.has(id) || !this.#next(id)) continue;
      this.#run(id);
    }
  }

  /** What is next in a conversation, if it can be sent now. */
  #next(id: string): OutboxItem | undefined {
    if (!this.#active) return undefined;
    const mine = (item: OutboxItem) => this.tabs.haveLock || this.#ours.has(item.clientMessageId);
    const first = this.#items(id).find((item) => item.status !== 'failed' && mine(item));
    return first && !this.#unstored.has(first.clientMessageId) ? first : undefined;
  }

  async #run(id: string): Promise<void> {
    this.#lanes.add(id);
    for (let item = this.#next(id), failures = 0; item; item = this.#next(id)) {
      const error = await this.#send(item);
      const last = this.#find(id, item.clientMessageId);
      if (!error || !last) failures = 0;
      else if (!this.#active) this.#show({ ...last, status: 'queued' });
      else if (!error.retriable || ++failures >= this.#core.settings.sendAttempts) {
        failures = 0;
        await this.#store({ ...last, status: 'failed', error: { code: error.code, message: error.message } });
      } else {
        const { delays, jitter } = this.#core.settings.reconnection;
        this.#show({ ...last, status: 'queued' });
        await this.#sleeper.sleep(error.retryAfter ?? backoff(failures, delays, jitter));
      }
    }
    this.#lanes.delete(id);
  }

  async #send(item: OutboxItem): Promise<CallboardError | undefined> {
    const { conversationId, clientMessageId, content } = item;
    this.#show({ ...item, status: 'sending' });
    try {
      const message = await this.#core.rest.send(conversationId, { content, clientMessageId });
      this.#drop(item, message);
      return undefined;
    } catch (cause) {
      return asError(cause);
    }
  }

  /** Shows how a message is doing, here and in other tabs. What is stored of it stays as it is. */
  #show(item: OutboxItem): void {
    this.#put(item);
    this.tabs.tell({ type: 'put', item });
  }

  #put(item: OutboxItem): void {
    this.#lastOrder = Math.max(this.#lastOrder, item.order);
    update(this.#core, outboxPut, item);
  }
}
