import { type Core, persist, report, update } from './core.js';
import { asError, CallboardError } from './errors.js';
import { Sequencer } from './sequencer.js';
import { byActivity } from './state/conversations.js';
import { conversationGone, conversationsArrived, eventArrived, listChanged } from './state/state.js';
import type { Conversation, SequencedEvent } from './wire.js';

/** How many conversations are named in a sync, so that it fits into a request. The server describes the others anew. */
const CURSORS = 1_000;
const EVENTS = 100;

/** What a sync tells its owner. */
export interface SyncHooks {
  /** These events of one conversation are in the state now. */
  passed(events: readonly SequencedEvent[]): void;
  /** These conversations are in the state now, as the server describes them. */
  described(conversations: readonly Conversation[]): void;
}

/** Keeps the state complete: every event once and in order, and whatever was missed. */
export class Sync {
  readonly #core: Core;
  readonly #hooks: SyncHooks;
  readonly #sequencer = new Sequencer();
  /** How often events may have been missed, and how many of those times were made good. */
  #missed = 0;
  #mended = 0;
  #mending = false;
  /** The page of the list that is on its way. */
  #page: Promise<void> | undefined;
  /** The conversations of which events are being fetched. */
  readonly #filling = new Set<string>();
  /** Conversations that are gone: an answer that was on its way may still tell of them. */
  readonly #gone = new Set<string>();

  constructor(core: Core, hooks: SyncHooks) {
    this.#core = core;
    this.#hooks = hooks;
  }

  /** The connection stands. If it was recovered, everything missed has come by it. */
  ready(recovered: boolean): void {
    if (!recovered) this.#missed++;
    this.#mend();
  }

  /** An event has come by the socket. */
  take(event: SequencedEvent): void {
    const id = event.data.conversationId;
    if (event.event === 'conversation-updated') this.#gone.delete(id);
    this.#accept(id, [event]);
    // While a sync is under way, what is missing may come by that.
    if (!this.#mending && this.#sequencer.isBehind(id)) this.#fill(id);
  }

  /** The server has described conversations; one that was `created` just now, before the event that tells so. */
  describe(news: readonly Conversation[], created = false): void {
    const here = news.filter(({ id }) => !this.#gone.has(id));
    update(this.#core, conversationsArrived, here);
    for (const { id, lastSeq } of here) this.#pass(this.#sequencer.follow(id, created ? lastSeq - 1 : lastSeq));
    this.#hooks.described(here);
  }

  /** The server says how far a conversation is: if that is beyond what has come, fetches the rest. */
  check(id: string, lastSeq: number): void {
    if (this.#sequencer.follows(id) && this.#sequencer.cursor(id) < lastSeq) this.#fill(id);
  }

  /** A conversation is gone, or one takes part in it no longer. */
  remove(id: string): void {
    const known = this.#sequencer.follows(id);
    this.#sequencer.forget(id);
    this.#gone.add(id);
    update(this.#core, conversationGone, id);
    if (known) this.#core.events.emit('conversation:deleted', { conversationId: id });
  }

  /** Asks for a conversation as it is now. */
  async fetch(id: string): Promise<void> {
    this.describe([await this.#core.rest.conversation(id)]);
  }

  /** Asks for a conversation until there is an answer, or no connection. */
  refresh(id: string): void {
    persist(this.#core, () => this.fetch(id)).catch((cause) => this.#failed(id, cause));
  }

  /** Loads the next page of the list, or waits for the one that is on its way. */
  loadPage(): Promise<void> {
    this.#page ??= this.#loadPage().finally(() => {
      this.#page = undefined;
    });
    return this.#page;
  }

  async #loadPage(): Promise<void> {
    const { list } = this.#core.state.get();
    if (list.loaded && list.cursor === undefined) return;
    const { error: _, ...rest } = list;
    update(this.#core, (state) => ({ ...state, list: { ...rest, loading: true } }));
    try {
      const { items, nextCursor } = await this.#core.rest.conversations(list.cursor);
      this.describe(items);
      update(this.#core, (state) => ({
        ...state,
        list: { loaded: true, loading: false, ...(nextCursor != null && { cursor: nextCursor }) },
      }));
      for (const { id, lastSeq } of items) this.check(id, lastSeq);
    } catch (cause) {
      update(this.#core, listChanged, { loading: false, error: asError(cause) });
      throw cause;
    }
  }

  /** Makes good what was missed, and then what is missing still in single conversations. */
  async #mend(): Promise<void> {
    if (this.#mending) return;
    this.#mending = true;
    try {
      while (this.#mended < this.#missed) {
        const missed = this.#missed;
        if (!(await persist(this.#core, () => this.#catchUp()))) break;
        this.#mended = missed;
      }
    } catch (cause) {
      report(this.#core, cause);
    } finally {
      this.#mending = false;
    }
    for (const id of this.#sequencer.behind) this.#fill(id);
    for (const { id, lastSeq } of this.#core.state.get().conversations.values()) this.check(id, lastSeq);
  }

  async #catchUp(): Promise<void> {
    const isLoaded = () => this.#core.state.get().list.loaded;
    // A first page that was asked for before the connection stood may be older than that.
    if (!isLoaded()) await this.#page?.catch(() => {});
    await (isLoaded() ? this.#sync() : this.loadPage());
  }

  async #sync(): Promise<void> {
    const { conversations } = this.#core.state.get();
    const latest = byActivity(conversations).slice(0, CURSORS);
    const cursors = Object.fromEntries(latest.map(({ id }) => [id, this.#sequencer.cursor(id)]));
    // The answer tells of what was gone and is here again; but not of what is heard while it is on its way.
    this.#gone.clear();
    const { conversations: missed, joined, left } = await this.#core.rest.sync(cursors);
    for (const id of left) if (!this.#sequencer.isBehind(id)) this.remove(id);
    for (const { conversationId, events } of missed) this.#accept(conversationId, events);
    const unknown = joined.filter(({ id }) => !conversations.has(id));
    this.describe(joined);
    for (const { id, lastSeq } of joined) this.check(id, lastSeq);
    for (const { id } of unknown) this.#told(id);
    for (const { conversationId, more } of missed) {
      if (more && !(await this.#fill(conversationId))) throw new CallboardError('network', 'The connection broke.');
    }
    await this.#refreshList();
  }

  /** Receipts, and what was read elsewhere, are not among the events: the list has them, as far as they are needed. */
  async #refreshList(): Promise<void> {
    const { conversations, pages } = this.#core.state.get();
    const stale = new Set<string>();
    for (const { id, unreadCount } of conversations.values()) if (unreadCount > 0 || pages.has(id)) stale.add(id);
    let cursor: string | undefined;
    do {
      const { items, nextCursor } = await this.#core.rest.conversations(cursor);
      this.describe(items);
      for (const { id } of items) stale.delete(id);
      cursor = nextCursor ?? undefined;
    } while (cursor !== undefined && stale.size > 0);
  }

  #accept(id: string, events: readonly SequencedEvent[]): void {
    this.#pass(this.#sequencer.accept(id, events));
  }

  #pass(events: readonly SequencedEvent[]): void {
    if (events.length === 0) return;
    update(this.#core, (state) => events.reduce(eventArrived, state));
    this.#hooks.passed(events);
    for (const { event, data } of events) {
      if (event === 'conversation-deleted') this.remove(data.conversationId);
      else if (event === 'conversation-updated') this.#told(data.conversationId);
      else if (event === 'new-message')
        this.#core.events.emit('message:new', { conversationId: data.conversationId, message: data.message });
    }
  }

  #told(id: string): void {
    const conversation = this.#core.state.get().conversations.get(id);
    if (conversation) this.#core.events.emit('conversation:updated', { conversationId: id, conversation });
  }

  /** Fetches a conversation that is not known, and the events that are missing of one that is; whether nothing is left to do. */
  async #fill(id: string): Promise<boolean> {
    if (this.#filling.has(id)) return true;
    this.#filling.add(id);
    try {
      return await persist(this.#core, async () => {
        if (!this.#sequencer.follows(id)) await this.fetch(id);
        for (let more = true; more && this.#sequencer.follows(id); ) {
          const events = await this.#core.rest.events(id, this.#sequencer.cursor(id));
          if (this.#sequencer.follows(id)) this.#accept(id, events);
          more = events.length === EVENTS;
        }
      });
    } catch (cause) {
      this.#failed(id, cause);
      return true;
    } finally {
      this.#filling.delete(id);
    }
  }

  #failed(id: string, cause: unknown): void {
    if (asError(cause).code === 'not_found') this.remove(id);
    else report(this.#core, cause);
  }
}
