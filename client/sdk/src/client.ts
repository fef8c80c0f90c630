import { Sleeper } from './backoff.js';
import { Connection } from './connection.js';
import type { ConversationHandle } from './conversation.js';
import { type Core, report, update } from './core.js';
import { Emitter } from './emitter.js';
import { CallboardError } from './errors.js';
import type { CallboardEvents } from './events.js';
import { Handle, type Parts } from './handle.js';
import { Cell, type Observable, select } from './observable.js';
import type { CallboardOptions } from './options.js';
import { IndexedDbStorage } from './outbox/idb.js';
import { MemoryStorage } from './outbox/memory.js';
import { Outbox } from './outbox.js';
import { Receipts } from './receipts.js';
import { Rest } from './rest.js';
import { Rooms } from './rooms.js';
import { type Settings, settings } from './settings.js';
import { participant } from './state/conversations.js';
import type { ConversationList, ConversationState } from './state/model.js';
import { deliveryArrived, initial, readArrived, unreadUpTo } from './state/state.js';
import { conversationList, unreadTotal } from './state/views.js';
import type { ConnectionStatus } from './status.js';
import { Sync } from './sync.js';
import { Tokens } from './tokens.js';
import { Typing } from './typing.js';
import type { ConversationKind, MessagesDelivered, MessagesRead, SequencedEvent } from './wire.js';

/** What to create. */
export interface NewConversation {
  /** Who takes part besides oneself. */
  participantIds: readonly string[];
  title?: string | undefined;
  /** `group` by default. A `direct` conversation is between two people, who have only one. */
  kind?: ConversationKind | undefined;
}

/**
 * A user's connection to Callboard.
 *
 * Nothing is sent before `connect`. `close` releases everything, after which the client is of no more use.
 */
export class Callboard {
  readonly userId: string;
  /** Where the connection stands. */
  readonly status: Observable<ConnectionStatus>;
  /** The user's conversations. The first page is loaded on connecting. */
  readonly conversations: Observable<ConversationList>;
  /** The sum of the unread messages of all loaded conversations. */
  readonly unreadCount: Observable<number>;
  readonly #parts: Parts;
  readonly #handles = new Map<string, Handle>();

  constructor(options: CallboardOptions) {
    const given = settings(options);
    const core = this.#core(given);
    const typing = new Typing(core);
    const outbox = new Outbox(core, storage(given));
    const receipts = new Receipts(core, (news) => outbox.tabs.tell(news));
    const sync = new Sync(core, {
      passed: (events) => this.#passed(events),
      described: (conversations) => receipts.received(conversations.flatMap(({ lastMessage }) => lastMessage ?? [])),
    });
    this.#parts = { core, sync, typing, receipts, outbox, rooms: new Rooms(core, sync, typing, receipts) };
    this.userId = given.userId;
    this.status = core.connection.status;
    this.conversations = select(core.state, conversationList());
    this.unreadCount = select(core.state, unreadTotal);
    this.status.subscribe(() => core.events.emit('connection:status', this.status.get()));
    this.#listen();
  }

  /** Connects, and stays connected until `close`. Also goes on after `logged-out`. */
  connect(): void {
    this.#parts.core.connection.connect();
  }

  /** From `failed`, or while waiting: tries to connect now. */
  retry(): void {
    this.connect();
  }

  /** Disconnects, and releases every listener, timer, lock and channel. Messages in the queue stay there. */
  close(): void {
    const { core, outbox, receipts } = this.#parts;
    if (this.status.get().state === 'closed') return;
    receipts.close();
    core.rest.close();
    core.connection.close();
    this.#lost();
    outbox.close();
    core.events.clear();
  }

  /** Closes, and forgets the messages in this user's queue. */
  logout(): Promise<void> {
    return this.#parts.outbox.clear().finally(() => this.close());
  }

  /** Calls `handler` for each event of this name, until the function it returns is called. */
  on<Name extends keyof CallboardEvents>(name: Name, handler: (event: CallboardEvents[Name]) => void): () => void {
    return this.#parts.core.events.on(name, handler);
  }

  off<Name extends keyof CallboardEvents>(name: Name, handler: (event: CallboardEvents[Name]) => void): void {
    this.#parts.core.events.off(name, handler);
  }

  /** Loads the next page of conversations, if there is one; or waits for the one that is being loaded. */
  async loadConversations(): Promise<void> {
    // Why it failed is in the list.
    await this.#parts.sync.loadPage().catch(() => {});
  }

  /** Creates a conversation. Between two people there is one direct conversation: if they have it, that is the answer. */
  async createConversation(conversation: NewConversation): Promise<ConversationState> {
    const { core, sync } = this.#parts;
    const answer = await core.rest.create(conversation);
    sync.describe([answer.conversation], answer.created);
    const state = core.state.get().conversations.get(answer.conversation.id);
    if (!state) throw new CallboardError('not_found', 'The conversation is gone.');
    return state;
  }

  /** The conversation with this id; each time the same handle. Loads nothing by itself. */
  conversation(id: string): ConversationHandle {
    const handle = this.#handles.get(id) ?? new Handle(this.#parts, id);
    this.#handles.set(id, handle);
    return handle;
  }

  #core(given: Settings): Core {
    const tokens = new Tokens(given.getToken, given.timeout);
    const connection: Connection = new Connection(given, tokens, {
      ready: (recovered) => this.#ready(recovered),
      lost: () => this.#lost(),
      shown: () => this.#parts.outbox.shown(),
      loggedOut: ({ code, message }) => this.#parts.core.events.emit('logged-out', { code, message }),
    });
    return {
      settings: given,
      state: new Cell(initial(given.userId, given.userName)),
      rest: new Rest(given, tokens, (error) => connection.logOut(error)),
      connection,
      events: new Emitter<CallboardEvents>(),
      sleeper: new Sleeper(),
    };
  }

  #ready(recovered: boolean): void {
    const { sync, rooms, receipts, outbox } = this.#parts;
    sync.ready(recovered);
    rooms.ready(recovered);
    receipts.resume();
    outbox.resume();
  }

  #lost(): void {
    const { core, outbox, typing } = this.#parts;
    outbox.pause();
    typing.forget();
    core.sleeper.wake();
  }

  #listen(): void {
    const { core, sync, typing } = this.#parts;
    const { socket } = core.connection;
    socket.on('new-message', (data) => sync.take({ event: 'new-message', seq: data.seq, data }));
    socket.on('conversation-updated', (data) => sync.take({ event: 'conversation-updated', seq: data.seq, data }));
    socket.on('conversation-deleted', ({ conversationId }) => sync.remove(conversationId));
    socket.on('messages-read', (data) => this.#read(data));
    socket.on('messages-delivered', (data) => this.#delivered(data));
    socket.on('user-typing', ({ conversationId, userId, userName }) =>
      typing.started(conversationId, userId, userName ?? null),
    );
    socket.on('user-stop-typing', ({ conversationId, userId }) => typing.stopped(conversationId, userId));
    socket.on('notification', (data) => core.events.emit('notification', data));
    socket.on('error', ({ code, message }) => report(core, new CallboardError(code, message)));
  }

  #passed(events: readonly SequencedEvent[]): void {
    const { outbox, typing, receipts } = this.#parts;
    const messages = events.flatMap(({ event, data }) => (event === 'new-message' ? data.message : []));
    for (const message of messages) {
      outbox.arrived(message);
      typing.stopped(message.conversationId, message.senderId);
    }
    receipts.received(messages);
  }

  #read(data: MessagesRead): void {
    const { core, sync } = this.#parts;
    const { conversationId: id, readBy, readSeq } = data;
    const state = core.state.get();
    const known = state.conversations.get(id);
    // One's own were shown as read before the server said so.
    if (readBy !== this.userId && (participant(known, readBy)?.readSeq ?? -1) >= readSeq) return;
    update(core, readArrived, data);
    if (known && readBy === this.userId && unreadUpTo(state, known, readSeq) === undefined) {
      sync.refresh(id);
    }
    core.events.emit('messages:read', data);
  }

  #delivered(data: MessagesDelivered): void {
    const { core } = this.#parts;
    const known = core.state.get().conversations.get(data.conversationId);
    if ((participant(known, data.deliveredTo)?.deliveredSeq ?? -1) >= data.deliveredSeq) return;
    update(core, deliveryArrived, data);
    core.events.emit('messages:delivered', data);
  }
}

function storage({ storage: given }: Settings) {
  if (given === 'indexeddb') return new IndexedDbStorage();
  return given === 'memory' ? new MemoryStorage() : given;
}
