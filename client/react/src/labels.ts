import type { MessageStatus } from '@callboard/client';

/** Every text that the components show or that screen readers say. */
export interface Labels {
  /** For dates and times: a BCP 47 tag, or undefined for the browser's own. */
  locale: string | undefined;
  conversations: string;
  noConversations: string;
  noConversationsHint: string;
  loadMore: string;
  /** Shown for a conversation in which nobody has written yet. */
  noMessageYet: string;
  /** Before one's own message in the list of conversations. */
  you: string;
  unread: (count: number) => string;
  messages: string;
  noMessages: string;
  noMessagesHint: string;
  loadFailed: string;
  tryAgain: string;
  newMessages: string;
  jumpToLatest: string;
  jumpToNew: (count: number) => string;
  today: string;
  yesterday: string;
  typing: (names: readonly string[]) => string;
  status: Record<MessageStatus, string>;
  notSent: string;
  retry: string;
  discard: string;
  writeMessage: string;
  send: string;
  /** When a message is nearly or too long: how many characters are left, or too many if negative. */
  charactersLeft: (count: number) => string;
  back: string;
  people: (count: number) => string;
  gone: string;
  goneHint: string;
  connecting: string;
  reconnecting: string;
  /** Until the next attempt. */
  inSeconds: (seconds: number) => string;
  retryNow: string;
  offline: string;
  failed: string;
  loggedOut: string;
  logIn: string;
}

/** The English texts. */
export const defaultLabels: Labels = {
  locale: undefined,
  conversations: 'Conversations',
  noConversations: 'No conversations yet',
  noConversationsHint: 'When you start one, or somebody adds you, it is here.',
  loadMore: 'Show more',
  noMessageYet: 'No messages yet',
  you: 'You',
  unread: (count) => `${count} unread`,
  messages: 'Messages',
  noMessages: 'No messages yet',
  noMessagesHint: 'Say hello!',
  loadFailed: 'This could not be loaded.',
  tryAgain: 'Try again',
  newMessages: 'New messages',
  jumpToLatest: 'Jump to the latest message',
  jumpToNew: (count) => `Jump to ${count} new ${count === 1 ? 'message' : 'messages'}`,
  today: 'Today',
  yesterday: 'Yesterday',
  typing: ([first = '', second = '', ...more]) => {
    if (more.length > 0) return 'Several people are typing';
    return second ? `${first} and ${second} are typing` : `${first} is typing`;
  },
  status: {
    queued: 'Waiting to be sent',
    sending: 'Sending',
    sent: 'Sent',
    delivered: 'Delivered',
    read: 'Read',
    failed: 'Not sent',
  },
  notSent: 'Not sent',
  retry: 'Try again',
  discard: 'Delete',
  writeMessage: 'Write a message',
  send: 'Send',
  charactersLeft: (count) => (count < 0 ? `${-count} too many` : `${count} left`),
  back: 'Back to conversations',
  people: (count) => `${count} people`,
  gone: 'This conversation is not available',
  goneHint: 'It was deleted, or you take part in it no longer.',
  connecting: 'Connecting…',
  reconnecting: 'Connection lost. Reconnecting…',
  inSeconds: (seconds) => `next try in ${seconds} s`,
  retryNow: 'Try now',
  offline: 'You are offline. Messages are sent later.',
  failed: 'The server cannot be reached. What you write is kept.',
  loggedOut: 'You have been logged out.',
  logIn: 'Log in',
};
