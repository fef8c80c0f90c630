import type { CallboardError } from './errors.js';
import type { ConversationState } from './state/model.js';
import type { ConnectionStatus } from './status.js';
import type { Message, MessagesDelivered, MessagesRead, Notification } from './wire.js';

/**
 * What a client tells those who listen. Events of a conversation come in its order, each once, also after the connection
 * was lost; the state that the observables show includes them already.
 */
export interface CallboardEvents {
  /** A message, one's own included. */
  'message:new': { conversationId: string; message: Message };
  'messages:read': MessagesRead;
  'messages:delivered': MessagesDelivered;
  /** Somebody began to type in an open conversation. */
  'typing:start': { conversationId: string; userId: string; userName: string | null };
  /** They stopped, sent their message, or were not heard of for 7 seconds. */
  'typing:stop': { conversationId: string; userId: string };
  /** A conversation is new, was renamed, or its participants changed. */
  'conversation:updated': { conversationId: string; conversation: ConversationState };
  /** A conversation is gone, or one takes part in it no longer. */
  'conversation:deleted': { conversationId: string };
  /** A message in a conversation that is not open. */
  notification: Notification;
  'connection:status': ConnectionStatus;
  /** The server refuses the token: the user has to log in. */
  'logged-out': { code: string; message: string };
  /** Something went wrong that no caller can be told of. */
  error: CallboardError;
}
