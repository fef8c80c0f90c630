import type {
  ConnectionStatus,
  ConversationHandle,
  ConversationList,
  ConversationState,
  MessageList,
  Observable,
  Typist,
} from '@callboard/client';
import { useCallback, useEffect, useSyncExternalStore } from 'react';
import { useMessaging } from './provider.js';

/** The value of an observable; the component renders again when it changes. */
export function useObservable<T>(observable: Observable<T>): T {
  const subscribe = useCallback((listener: () => void) => observable.subscribe(listener), [observable]);
  const get = useCallback(() => observable.get(), [observable]);
  return useSyncExternalStore(subscribe, get, get);
}

/** Where the connection stands. */
export function useConnectionStatus(): ConnectionStatus {
  return useObservable(useMessaging().status);
}

/** The user's conversations, latest activity first. `useMessaging().loadConversations()` loads more. */
export function useConversations(): ConversationList {
  return useObservable(useMessaging().conversations);
}

/** The number of unread messages in all loaded conversations. */
export function useUnreadCount(): number {
  return useObservable(useMessaging().unreadCount);
}

/** A conversation, and the handle to act on it with. It is undefined while it is not known, and after it is gone. */
export function useConversation(id: string): {
  readonly conversation: ConversationState | undefined;
  readonly handle: ConversationHandle;
} {
  const handle = useMessaging().conversation(id);
  return { conversation: useObservable(handle.state), handle };
}

/** The messages of a conversation, which is open for as long as a component uses this. */
export function useMessages(id: string): MessageList {
  const handle = useMessaging().conversation(id);
  useEffect(() => handle.open(), [handle]);
  return useObservable(handle.messages);
}

/** Who is typing in an open conversation, oneself not counted. */
export function useTyping(id: string): readonly Typist[] {
  return useObservable(useMessaging().conversation(id).typing);
}
