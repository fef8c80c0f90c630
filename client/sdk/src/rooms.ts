import { type Core, persist, update } from './core.js';
import { asError, CallboardError } from './errors.js';
import type { Receipts } from './receipts.js';
import { historyArrived, pageChanged, unreadMarked } from './state/state.js';
import type { Sync } from './sync.js';
import type { Typing } from './typing.js';

/** The conversations that are open: joined on the server, their newest messages loaded. */
export class Rooms {
  readonly #core: Core;
  readonly #sync: Sync;
  readonly #typing: Typing;
  readonly #receipts: Receipts;
  /** How often each is open. */
  readonly #open = new Map<string, number>();
  /** What the server was told that this connection has joined. */
  readonly #joined = new Set<string>();

  constructor(core: Core, sync: Sync, typing: Typing, receipts: Receipts) {
    this.#core = core;
    this.#sync = sync;
    this.#typing = typing;
    this.#receipts = receipts;
    // The server forgets what one has joined when one takes part no longer; one may be added again.
    core.events.on('conversation:deleted', ({ conversationId }) => this.#joined.delete(conversationId));
    core.events.on('conversation:updated', ({ conversationId: id }) => this.#open.has(id) && this.#enter(id));
  }

  open(id: string): () => void {
    const times = this.#open.get(id) ?? 0;
    this.#open.set(id, times + 1);
    if (times === 0) {
      if (this.#page(id)?.loaded) update(this.#core, unreadMarked, id);
      this.#enter(id);
    }
    let isOpen = true;
    return () => {
      if (isOpen) this.#close(id);
      isOpen = false;
    };
  }

  /** The connection stands: enters what is open, leaves what was closed meanwhile. */
  ready(recovered: boolean): void {
    if (!recovered) this.#joined.clear();
    for (const id of this.#joined) if (!this.#open.has(id)) this.#leave(id);
    for (const id of this.#open.keys()) {
      this.#enter(id);
      // Receipts that were missed are nowhere but in the conversation itself.
      const { loaded, error } = this.#page(id) ?? {};
      if (!recovered && loaded) this.#sync.refresh(id);
      if (loaded && error) this.loadOlder(id);
    }
  }

  /** Loads the page before the oldest message that is loaded. */
  async loadOlder(id: string): Promise<void> {
    const page = this.#page(id);
    if (!page?.loaded) return this.#enter(id);
    if (page.loading || !page.hasOlder) return;
    await this.#load(id, page.items[0]?.seq).catch((cause) => this.#failed(id, asError(cause)));
  }

  #close(id: string): void {
    const times = (this.#open.get(id) ?? 0) - 1;
    if (times > 0) {
      this.#open.set(id, times);
    } else {
      this.#open.delete(id);
      this.#typing.left(id);
      if (this.#joined.has(id)) this.#leave(id);
    }
  }

  #page(id: string) {
    return this.#core.state.get().pages.get(id);
  }

  #enter(id: string): void {
    if (!this.#core.connection.isUp) return;
    this.#join(id);
    const page = this.#page(id);
    if (page?.loaded || page?.loading) return;
    // What does not pass is shown with the messages.
    persist(
      this.#core,
      () => this.#load(id),
      (error) => this.#failed(id, error),
    ).catch(() => {});
  }

  async #load(id: string, before?: number): Promise<void> {
    update(this.#core, pageChanged, id, { loading: true });
    if (!this.#core.state.get().conversations.has(id)) await this.#sync.fetch(id);
    const messages = await this.#core.rest.messages(id, before);
    if (!this.#core.state.get().conversations.has(id)) {
      throw new CallboardError('not_found', 'The conversation is gone.');
    }
    update(this.#core, (state) => {
      const arrived = historyArrived(state, id, messages, messages.length === this.#core.settings.pageSize);
      return before === undefined ? unreadMarked(arrived, id) : arrived;
    });
    this.#receipts.received(messages);
  }

  #failed(id: string, error: CallboardError): void {
    update(this.#core, pageChanged, id, { loading: false, error });
  }

  #join(id: string): void {
    if (this.#joined.has(id)) return;
    this.#joined.add(id);
    const join = async () => {
      if (!this.#open.has(id)) return;
      const { lastSeq, typing } = await this.#core.connection.ask('join-conversation', id);
      this.#sync.check(id, lastSeq);
      for (const { userId, userName } of typing) this.#typing.started(id, userId, userName);
    };
    persist(this.#core, join).then(
      (done) => done || this.#joined.delete(id),
      () => this.#joined.delete(id),
    );
  }

  #leave(id: string): void {
    this.#joined.delete(id);
    this.#core.connection.tell('leave-conversation', id);
  }
}
