import type { ConversationHandle } from './conversation.js';
import type { Core } from './core.js';
import { type Observable, select } from './observable.js';
import type { Outbox } from './outbox.js';
import type { Receipts } from './receipts.js';
import type { Rooms } from './rooms.js';
import type { ChatMessage, ConversationState, MessageList, Typist } from './state/model.js';
import { fromOutbox, messageList, typists } from './state/views.js';
import type { Sync } from './sync.js';
import type { Typing } from './typing.js';

/** The parts of a client that a conversation needs. */
export interface Parts {
  readonly core: Core;
  readonly sync: Sync;
  readonly rooms: Rooms;
  readonly outbox: Outbox;
  readonly typing: Typing;
  readonly receipts: Receipts;
}

export class Handle implements ConversationHandle {
  readonly id: string;
  readonly state: Observable<ConversationState | undefined>;
  readonly messages: Observable<MessageList>;
  readonly typing: Observable<readonly Typist[]>;
  readonly #parts: Parts;

  constructor(parts: Parts, id: string) {
    this.id = id;
    this.#parts = parts;
    const { state } = parts.core;
    this.state = select(state, ({ conversations }) => conversations.get(id));
    this.messages = select(state, messageList(id));
    this.typing = select(state, typists(id));
  }

  open(): () => void {
    return this.#parts.rooms.open(this.id);
  }

  loadOlder(): Promise<void> {
    return this.#parts.rooms.loadOlder(this.id);
  }

  send(content: string): ChatMessage {
    const { core, outbox, typing } = this.#parts;
    typing.sent(this.id);
    return fromOutbox(outbox.add(this.id, content), core.settings.userId, core.settings.userName);
  }

  retry(clientMessageId: string): void {
    this.#parts.outbox.retry(this.id, clientMessageId);
  }

  discard(clientMessageId: string): void {
    this.#parts.outbox.discard(this.id, clientMessageId);
  }

  markRead(): void {
    const { pages, conversations } = this.#parts.core.state.get();
    const newest = pages.get(this.id)?.items.at(-1) ?? conversations.get(this.id)?.lastMessage;
    if (newest) this.#parts.receipts.read(newest);
  }

  setTyping(typing: boolean): void {
    this.#parts.typing.set(this.id, typing);
  }

  typed(): void {
    this.#parts.typing.typed(this.id);
  }

  async rename(title: string): Promise<void> {
    const { core, sync } = this.#parts;
    sync.describe([await core.rest.rename(this.id, title)]);
  }

  async addParticipants(userIds: readonly string[]): Promise<void> {
    const { core, sync } = this.#parts;
    sync.describe([await core.rest.addParticipants(this.id, userIds)]);
  }

  removeParticipant(userId: string): Promise<void> {
    return this.#parts.core.rest.removeParticipant(this.id, userId);
  }

  async leave(): Promise<void> {
    await this.removeParticipant(this.#parts.core.settings.userId);
    this.#parts.sync.remove(this.id);
  }

  async delete(): Promise<void> {
    await this.#parts.core.rest.delete(this.id);
    this.#parts.sync.remove(this.id);
  }
}
