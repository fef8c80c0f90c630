// What an application sees: plain, read-only data. Whatever changes is replaced, never altered.

import type { CallboardError } from '../errors.js';
import type { ConversationKind, Message } from '../wire.js';

/** Somebody who takes part in a conversation. */
export interface ParticipantState {
  readonly userId: string;
  /** Their display name; null before they have connected for the first time. */
  readonly name: string | null;
  /** Since when they take part (RFC 3339). */
  readonly joinedAt: string;
  /** The sequence number up to which they have read. */
  readonly readSeq: number;
  /** The sequence number up to which one of their devices has received. */
  readonly deliveredSeq: number;
}

/** A conversation as its list shows it. */
export interface ConversationState {
  readonly id: string;
  readonly kind: ConversationKind;
  readonly title: string | null;
  /** The user who created it, and alone may delete it and remove others. */
  readonly createdBy: string;
  readonly createdAt: string;
  /** When something sequenced last happened in it. */
  readonly updatedAt: string;
  /** The number of the last event that this state includes. */
  readonly lastSeq: number;
  readonly participantCount: number;
  /** The first 100, in the order of their joining. */
  readonly participants: readonly ParticipantState[];
  readonly lastMessage: Message | null;
  /** Others' messages that one has not read. */
  readonly unreadCount: number;
}

/** The conversations that are loaded. */
export interface ConversationList {
  /** Latest activity first. */
  readonly items: readonly ConversationState[];
  /** Whether the first page has arrived. */
  readonly loaded: boolean;
  readonly loading: boolean;
  /** Whether `loadConversations` would bring more. */
  readonly hasMore: boolean;
  /** Why the last page could not be loaded. */
  readonly error?: CallboardError;
}

/**
 * How far a message has come. Of others' messages it is always `sent`.
 *
 * - `queued`: stored on this device, waits for its turn or for a connection;
 * - `sending`: on its way;
 * - `sent`: the server has it on disk;
 * - `delivered`, `read`: every other participant has received it, has read it;
 * - `failed`: given up, see `error`; `retry` or `discard` it.
 */
export type MessageStatus = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed';

/** A message in a conversation, or one's own on its way there. */
export interface ChatMessage {
  /** Identifies it from the first moment on, before and after the server has it. */
  readonly key: string;
  /** The server's id, once it has one. */
  readonly id?: string;
  /** The sender's own id. */
  readonly clientMessageId?: string;
  readonly conversationId: string;
  /** Its place in the conversation, once it has one. */
  readonly seq?: number;
  readonly senderId: string;
  readonly senderName: string | null;
  readonly content: string;
  /** When it was accepted, or before that, written (RFC 3339). */
  readonly createdAt: string;
  /** Whether the user of this client wrote it. */
  readonly own: boolean;
  readonly status: MessageStatus;
  /** Why it failed. */
  readonly error?: CallboardError;
}

/** The messages of a conversation that are loaded. */
export interface MessageList {
  /** Oldest first; those still in the queue last. */
  readonly items: readonly ChatMessage[];
  /** Whether the newest page has arrived. */
  readonly loaded: boolean;
  readonly loading: boolean;
  /** Whether `loadOlder` would bring more. */
  readonly hasOlder: boolean;
  /** Why the last page could not be loaded. */
  readonly error?: CallboardError;
  /** Where "new messages" begins: the first number that was unread when the conversation was opened. */
  readonly firstUnreadSeq?: number;
}

/** Somebody who is typing. */
export interface Typist {
  readonly userId: string;
  readonly userName: string | null;
}
