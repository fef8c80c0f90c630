export { Callboard, type NewConversation } from './client.js';
export type { ConversationHandle } from './conversation.js';
export { CallboardError, type ErrorCode } from './errors.js';
export type { CallboardEvents } from './events.js';
export type { Observable } from './observable.js';
export type { CallboardOptions, ReconnectionOptions } from './options.js';
export type { OutboxItem, OutboxStorage } from './outbox/storage.js';
export type {
  ChatMessage,
  ConversationList,
  ConversationState,
  MessageList,
  MessageStatus,
  ParticipantState,
  Typist,
} from './state/model.js';
export type { ConnectionState, ConnectionStatus, TransportName } from './status.js';
export type { ConversationKind, Message, MessagesDelivered, MessagesRead, Notification } from './wire.js';
