import { type Core, update } from './core.js';
import { typingChanged } from './state/state.js';

type Timer = ReturnType<typeof setTimeout>;

/** How long somebody is taken to be typing who is not heard of again. The server ends it after 5 s. */
const EXPIRY = 7_000;
/** How often it is said that one is still typing. */
const RENEWAL = 2_000;
/** How long after the last key one has stopped. */
const PAUSE = 3_000;

/** Who is typing, and saying so oneself. */
export class Typing {
  readonly #core: Core;
  /** By conversation and user. */
  readonly #expiries = new Map<string, Timer>();
  /** The conversations in which one is typing: when that was last said, and when it ends. */
  readonly #own = new Map<string, { said: number; pause?: Timer }>();

  constructor(core: Core) {
    this.#core = core;
  }

  started(conversationId: string, userId: string, userName: string | null): void {
    const { settings, state, events } = this.#core;
    if (userId === settings.userId) return;
    const key = `${conversationId} ${userId}`;
    const known = this.#expiries.has(key);
    clearTimeout(this.#expiries.get(key));
    this.#expiries.set(
      key,
      setTimeout(() => this.stopped(conversationId, userId), EXPIRY),
    );
    if (known) return;
    const typists = state.get().typing.get(conversationId) ?? [];
    update(this.#core, typingChanged, conversationId, [...typists, { userId, userName }]);
    events.emit('typing:start', { conversationId, userId, userName });
  }

  stopped(conversationId: string, userId: string): void {
    const { state, events } = this.#core;
    const key = `${conversationId} ${userId}`;
    clearTimeout(this.#expiries.get(key));
    if (!this.#expiries.delete(key)) return;
    const typists = state.get().typing.get(conversationId) ?? [];
    const others = typists.filter((one) => one.userId !== userId);
    update(this.#core, typingChanged, conversationId, others);
    events.emit('typing:stop', { conversationId, userId });
  }

  /** A conversation is not open any more: nothing is heard of who types in it. */
  left(conversationId: string): void {
    this.set(conversationId, false);
    for (const { userId } of this.#core.state.get().typing.get(conversationId) ?? [])
      this.stopped(conversationId, userId);
  }

  /** Says that one is typing, or has stopped. */
  set(conversationId: string, typing: boolean): void {
    const own = this.#own.get(conversationId);
    clearTimeout(own?.pause);
    if (!typing) {
      if (this.#own.delete(conversationId)) this.#core.connection.tell('typing-stop', conversationId);
    } else if (own && Date.now() - own.said < RENEWAL) {
      delete own.pause;
    } else {
      this.#own.set(conversationId, { said: Date.now() });
      this.#core.connection.tell('typing-start', conversationId);
    }
  }

  /** A key was pressed. */
  typed(conversationId: string): void {
    this.set(conversationId, true);
    const own = this.#own.get(conversationId);
    if (own) own.pause = setTimeout(() => this.set(conversationId, false), PAUSE);
  }

  /** A message was sent, which ends the typing on the server by itself. */
  sent(conversationId: string): void {
    clearTimeout(this.#own.get(conversationId)?.pause);
    this.#own.delete(conversationId);
  }

  /** The connection is lost: nothing is known of anybody, and the server has ended one's own typing. */
  forget(): void {
    for (const [id, typists] of this.#core.state.get().typing)
      for (const { userId } of typists) this.stopped(id, userId);
    for (const { pause } of this.#own.values()) clearTimeout(pause);
    this.#own.clear();
  }
}
