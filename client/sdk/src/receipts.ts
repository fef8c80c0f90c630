import { type Core, persist, report, update } from './core.js';
import { asError } from './errors.js';
import { participant } from './state/conversations.js';
import { readArrived } from './state/state.js';
import type { TabMessage } from './tabs.js';
import type { Message } from './wire.js';

const DELIVERED_AFTER = 500;
/** Of how many conversations deliveries are told at once, and how long after that of the next: the server has a limit. */
const DELIVERED_AT_ONCE = 8;
const DELIVERED_NEXT = 2_000;
const READ_AFTER = 300;
/** After these there is no point in asking again. */
const FINAL = new Set(['invalid_data', 'forbidden', 'not_found']);

/** Tells the server what one has received and read: gathered, and only what it does not know yet. */
export class Receipts {
  readonly #core: Core;
  readonly #tell: (news: TabMessage) => void;
  /** The newest message received, by conversation, while the server has not been told. */
  readonly #delivered = new Map<string, number>();
  readonly #read = new Map<string, Message>();
  /** What the server was told last, by conversation: it repeats it late, or in large conversations not at all. */
  readonly #told = new Map<string, number>();
  #closed = false;
  #deliveredTimer: ReturnType<typeof setTimeout> | undefined;
  #readTimer: ReturnType<typeof setTimeout> | undefined;

  /** `tell` reaches the other tabs. */
  constructor(core: Core, tell: (news: TabMessage) => void) {
    this.#core = core;
    this.#tell = tell;
  }

  /** Messages have arrived, in whatever way. */
  received(messages: readonly Message[]): void {
    if (this.#closed) return;
    for (const { conversationId, senderId, seq } of messages) {
      if (senderId !== this.#core.settings.userId) this.#toTell(conversationId, seq);
    }
    if (this.#delivered.size > 0) this.#deliveredTimer ??= setTimeout(() => this.#sendDelivered(), DELIVERED_AFTER);
  }

  /** One has read everything up to a message. */
  read(message: Message): void {
    const { conversationId, seq } = message;
    const { me, conversations } = this.#core.state.get();
    if (conversations.get(conversationId)?.unreadCount === 0) return;
    this.#read.set(conversationId, message);
    update(this.#core, readArrived, { conversationId, readBy: me, readSeq: seq }, 0);
    this.#readTimer ??= setTimeout(() => this.#sendRead(), READ_AFTER);
  }

  /** There is a connection: tells what could not be told, and what the last one may have lost on its way. */
  resume(): void {
    const told = [...this.#told];
    this.#told.clear();
    for (const [id, seq] of told) this.#toTell(id, seq);
    this.#sendDelivered();
    this.#sendRead();
  }

  /** Tells what is left to tell, if there is a connection. */
  close(): void {
    this.resume();
    this.#closed = true;
    clearTimeout(this.#deliveredTimer);
    this.#delivered.clear();
    this.#read.clear();
  }

  #toTell(id: string, seq: number): void {
    const { me, conversations } = this.#core.state.get();
    const known = participant(conversations.get(id), me)?.deliveredSeq ?? 0;
    if (seq > Math.max(known, this.#told.get(id) ?? 0)) {
      this.#delivered.set(id, Math.max(seq, this.#delivered.get(id) ?? 0));
    }
  }

  #sendDelivered(): void {
    clearTimeout(this.#deliveredTimer);
    this.#deliveredTimer = undefined;
    for (const [conversationId, seq] of [...this.#delivered].slice(0, DELIVERED_AT_ONCE)) {
      if (!this.#core.connection.tell('mark-delivered', { conversationId, seq })) return;
      this.#told.set(conversationId, seq);
      this.#delivered.delete(conversationId);
    }
    if (this.#delivered.size > 0) this.#deliveredTimer = setTimeout(() => this.#sendDelivered(), DELIVERED_NEXT);
  }

  #sendRead(): void {
    clearTimeout(this.#readTimer);
    this.#readTimer = undefined;
    for (const message of this.#read.values()) this.#sendReadOf(message);
  }

  async #sendReadOf(message: Message): Promise<void> {
    const { connection, rest } = this.#core;
    const { conversationId, id } = message;
    const messageIds = [id];
    const mark = async () => {
      const { readSeq, unreadCount } = connection.isUp
        ? await connection.ask('mark-read', { conversationId, messageIds })
        : await rest.markRead(conversationId, messageIds);
      const readBy = this.#core.settings.userId;
      const isLast = !this.#read.has(conversationId);
      if (isLast) update(this.#core, readArrived, { conversationId, readBy, readSeq }, unreadCount);
      this.#tell({ type: 'read', conversationId, readSeq, unreadCount });
      return true;
    };
    this.#read.delete(conversationId);
    try {
      if (await (connection.isUp ? persist(this.#core, mark) : mark())) return;
    } catch (cause) {
      const error = asError(cause);
      if (FINAL.has(error.code)) {
        report(this.#core, error);
        return;
      }
    }
    // What was read since includes this.
    if (!this.#read.has(conversationId)) this.#read.set(conversationId, message);
  }
}
