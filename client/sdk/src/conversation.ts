import type { Observable } from './observable.js';
import type { ChatMessage, ConversationState, MessageList, Typist } from './state/model.js';

/** One conversation: what is in it, and what one can do in it. */
export interface ConversationHandle {
  readonly id: string;
  /** The conversation; undefined while it is not known, and after it is gone. */
  readonly state: Observable<ConversationState | undefined>;
  readonly messages: Observable<MessageList>;
  /** Who is typing, while the conversation is open; never oneself. */
  readonly typing: Observable<readonly Typist[]>;

  /**
   * Opens the conversation: loads the newest messages and joins, so that one hears who is typing and gets no
   * notifications of it. It stays open until each function that `open` has returned was called.
   */
  open(): () => void;
  /** Loads the next older page. Does nothing while a page is being loaded, or if there is none. */
  loadOlder(): Promise<void>;

  /** Queues a message, and shows it at once. It is sent when its turn has come and there is a connection. */
  send(content: string): ChatMessage;
  /** Puts a message that has failed back into the queue, at its place. */
  retry(clientMessageId: string): void;
  /** Takes a message out of the queue for good. One that is just being sent may arrive all the same. */
  discard(clientMessageId: string): void;

  /** Marks everything loaded as read. Repeated calls are gathered. */
  markRead(): void;
  /** Says whether one is typing. Say it again while it lasts: the server ends it after 5 seconds. */
  setTyping(typing: boolean): void;
  /** Says that a key was pressed: one is typing until 3 seconds after the last key, or until `send`. */
  typed(): void;

  rename(title: string): Promise<void>;
  /** Adds people to a group. */
  addParticipants(userIds: readonly string[]): Promise<void>;
  /** Removes somebody; only who created the group may. */
  removeParticipant(userId: string): Promise<void>;
  leave(): Promise<void>;
  /** Deletes the conversation for everyone; only who created it may. */
  delete(): Promise<void>;
}
