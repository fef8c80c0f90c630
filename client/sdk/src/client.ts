import type { ConversationHandle } from './conversation.js';
import type { CallboardEvents } from './events.js';
import type { Observable } from './observable.js';
import type { CallboardOptions } from './options.js';
import type { ConversationList, ConversationState } from './state/model.js';
import type { ConnectionStatus } from './status.js';
import type { ConversationKind } from './wire.js';

/** What to create. */
export interface NewConversation {
  /** Who takes part besides oneself. */
  participantIds: readonly string[];
  title?: string;
  /** `group` by default. A `direct` conversation is between two people, who have only one. */
  kind?: ConversationKind;
}

/**
 * A user's connection to Callboard.
 *
 * Nothing happens before `connect`. `close` releases everything, after which the client is of no more use.
 */
export declare class Callboard {
  constructor(options: CallboardOptions);

  readonly userId: string;
  /** Where the connection stands. */
  readonly status: Observable<ConnectionStatus>;
  /** The user's conversations. The first page is loaded on connecting. */
  readonly conversations: Observable<ConversationList>;
  /** The sum of the unread messages of all loaded conversations. */
  readonly unreadCount: Observable<number>;

  /** Connects, and stays connected until `close`. Also goes on after `logged-out`. */
  connect(): void;
  /** From `failed`, or while waiting: tries to connect now. */
  retry(): void;
  /** Disconnects, and releases every listener, timer, lock and channel. Messages in the queue stay there. */
  close(): void;
  /** Closes, and forgets the messages in this user's queue. */
  logout(): Promise<void>;

  /** Calls `handler` for each event of this name, until the function it returns is called. */
  on<Name extends keyof CallboardEvents>(name: Name, handler: (event: CallboardEvents[Name]) => void): () => void;
  off<Name extends keyof CallboardEvents>(name: Name, handler: (event: CallboardEvents[Name]) => void): void;

  /** Loads the next page of conversations. Does nothing while a page is being loaded, or if there is none. */
  loadConversations(): Promise<void>;
  createConversation(conversation: NewConversation): Promise<ConversationState>;
  /** The conversation with this id; each time the same handle. Loads nothing by itself. */
  conversation(id: string): ConversationHandle;
}
