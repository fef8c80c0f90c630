export { Avatar, type AvatarProps, ConversationAvatar } from './Avatar.js';
export { ConnectionStatus, type ConnectionStatusProps } from './ConnectionStatus.js';
export { Conversation, type ConversationProps } from './Conversation.js';
export { ConversationsList, type ConversationsListProps } from './ConversationsList.js';
export { nameOf, titleOf } from './format.js';
export {
  useConnectionStatus,
  useConversation,
  useConversations,
  useMessages,
  useObservable,
  useTyping,
  useUnreadCount,
} from './hooks.js';
export { defaultLabels, type Labels } from './labels.js';
export { MessageInput, type MessageInputProps } from './MessageInput.js';
export { MessageList, type MessageListProps } from './MessageList.js';
export { MessagingProvider, type MessagingProviderProps, useLabels, useMessaging } from './provider.js';
export { TypingIndicator, type TypingIndicatorProps } from './TypingIndicator.js';
