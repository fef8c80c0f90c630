// What goes over the wire, by short names. The server describes all of it in its OpenAPI document.

import type { components } from './generated/rest.js';

type Schemas = components['schemas'];

/** A message as the server stores it. */
export type Message = Schemas['Message'];
export type Conversation = Schemas['Conversation'];
export type ConversationKind = Schemas['ConversationKind'];
export type ConversationPage = Schemas['ConversationPage'];
export type Participant = Schemas['Participant'];
export type ReadState = Schemas['ReadState'];
export type SyncAnswer = Schemas['SyncAnswer'];
export type Problem = Schemas['Problem'];

export type NewMessage = Schemas['NewMessage'];
export type ConversationUpdated = Schemas['ConversationUpdated'];
export type ConversationDeleted = Schemas['ConversationDeleted'];
/** Somebody has read messages, up to and including `readSeq`. */
export type MessagesRead = Schemas['MessagesRead'];
/** Messages have reached one of somebody's devices, up to and including `deliveredSeq`. */
export type MessagesDelivered = Schemas['MessagesDelivered'];
/** A message in a conversation that is not open. */
export type Notification = Schemas['Notification'];
export type Ready = Schemas['Ready'];
export type TypingSignal = Schemas['Typing'];

/** An event that has a place in its conversation's sequence. */
export type SequencedEvent =
  | { seq: number; event: 'new-message'; data: NewMessage }
  | { seq: number; event: 'conversation-updated'; data: ConversationUpdated }
  | { seq: number; event: 'conversation-deleted'; data: ConversationDeleted };

/** How the server answers an event that was sent with an acknowledgement. */
export type Ack<T> = ({ ok: true } & T) | { ok: false; error: { code: string; message: string } };

/** What comes from the server. Sequenced events and receipts carry a cursor after their data, which is not read here. */
export interface ServerEvents {
  'new-message': (data: NewMessage) => void;
  'conversation-updated': (data: ConversationUpdated) => void;
  'conversation-deleted': (data: ConversationDeleted) => void;
  'messages-read': (data: MessagesRead) => void;
  'messages-delivered': (data: MessagesDelivered) => void;
  'user-typing': (data: TypingSignal) => void;
  'user-stop-typing': (data: TypingSignal) => void;
  notification: (data: Notification) => void;
  ready: (data: Ready) => void;
  'token-expired': () => void;
  error: (data: { code: string; message: string; event?: string }) => void;
}

type Answered<Data, Answer> = (data: Data, ack: (answer: Ack<Answer>) => void) => void;

/** What goes to the server. */
export interface ClientEvents {
  'join-conversation': Answered<string, { lastSeq: number; typing: { userId: string; userName: string | null }[] }>;
  'leave-conversation': (conversationId: string) => void;
  'typing-start': (conversationId: string) => void;
  'typing-stop': (conversationId: string) => void;
  'mark-read': Answered<{ conversationId: string; messageIds: string[] }, { readSeq: number; unreadCount: number }>;
  'mark-delivered': (data: { conversationId: string; seq: number }) => void;
  'refresh-token': Answered<{ token: string }, { expiresAt: string }>;
}
