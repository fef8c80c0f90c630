// Everything the client knows, and the changes it goes through. Pure: from a state and news to the next state.

import type { CallboardError } from '../errors.js';
import type { OutboxItem } from '../outbox/storage.js';
import type { Conversation, Message, MessagesDelivered, MessagesRead, SequencedEvent } from '../wire.js';
import { described, further, participant, type Reach, withMessage, withReceipt } from './conversations.js';
import { EMPTY_PAGE, firstOfUnread, firstUnread, merged, type Page, unreadAfter } from './messages.js';
import type { ConversationState, Typist } from './model.js';

export interface State {
  readonly me: string;
  readonly myName: string | null;
  readonly conversations: ReadonlyMap<string, ConversationState>;
  /** How far the list of conversations is loaded; `cursor` is where the next page begins. */
  readonly list: { loaded: boolean; loading: boolean; cursor?: string; error?: CallboardError };
  /** How far one's own messages have come, by conversation. They do not go back when others leave or join. */
  readonly reached: ReadonlyMap<string, Reach>;
  /** The loaded messages, by conversation. */
  readonly pages: ReadonlyMap<string, Page>;
  /** Who is typing, by conversation. */
  readonly typing: ReadonlyMap<string, readonly Typist[]>;
  /** What waits to be sent, by conversation, in order. */
  readonly outbox: ReadonlyMap<string, readonly OutboxItem[]>;
}

export const initial = (me: string, myName: string | null): State => ({
  me,
  myName,
  conversations: new Map(),
  list: { loaded: false, loading: false },
  reached: new Map(),
  pages: new Map(),
  typing: new Map(),
  outbox: new Map(),
});

/** A map with one entry replaced, or removed where there is no value. */
function put<V>(map: ReadonlyMap<string, V>, key: string, value: V | undefined): ReadonlyMap<string, V> {
  if (map.get(key) === value) return map;
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
}

const withConversation = (state: State, conversation: ConversationState): State => {
  const { id } = conversation;
  const conversations = put(state.conversations, id, conversation);
  if (conversations === state.conversations) return state;
  return {
    ...state,
    conversations,
    reached: put(state.reached, id, further(state.reached.get(id), conversation, state.me)),
  };
};

/** The server has described conversations. */
export function conversationsArrived(state: State, news: readonly Conversation[]): State {
  return news.reduce(
    (next, one) => withConversation(next, described(next.conversations.get(one.id), one, state.me)),
    state,
  );
}

/** A conversation is gone, with its messages. Who types in it ends, and what waits to be sent there fails, by itself. */
export const conversationGone = (state: State, id: string): State => ({
  ...state,
  conversations: put(state.conversations, id, undefined),
  reached: put(state.reached, id, undefined),
  pages: put(state.pages, id, undefined),
});

export const listChanged = (state: State, change: Partial<State['list']>): State => ({
  ...state,
  list: { ...state.list, ...change },
});

/** The next event of a conversation has arrived. */
export function eventArrived(state: State, { event, data }: SequencedEvent): State {
  if (event === 'conversation-deleted') return conversationGone(state, data.conversationId);
  if (event === 'conversation-updated') return conversationsArrived(state, [data.conversation]);
  // There may be others some day.
  if (event !== 'new-message') return state;
  const known = state.conversations.get(data.conversationId);
  return messagesArrived(
    known ? withConversation(state, withMessage(known, data.message, state.me)) : state,
    data.conversationId,
    [data.message],
  );
}

/** Messages have arrived. They are kept where a page is loaded, or will be. */
export function messagesArrived(state: State, id: string, news: readonly Message[]): State {
  const page = state.pages.get(id);
  if (!page) return state;
  const items = merged(page.items, news);
  return items === page.items ? state : pageChanged(state, id, { items });
}

export const pageChanged = (state: State, id: string, change: Partial<Page>): State => ({
  ...state,
  pages: put(state.pages, id, { ...(state.pages.get(id) ?? EMPTY_PAGE), ...change }),
});

/** A page of history has arrived: the newest, or an older one; `hasOlder` says whether there are more before it. */
export function historyArrived(state: State, id: string, news: readonly Message[], hasOlder: boolean): State {
  const { error: _, ...page } = state.pages.get(id) ?? EMPTY_PAGE;
  const next = { ...page, items: merged(page.items, news), hasOlder, loaded: true, loading: false };
  return { ...state, pages: put(state.pages, id, next) };
}

/** Sets where "new messages" begins, by what has been read by now. */
export function unreadMarked(state: State, id: string): State {
  const { firstUnreadSeq: _, ...page } = state.pages.get(id) ?? EMPTY_PAGE;
  const conversation = state.conversations.get(id);
  const mine = participant(conversation, state.me);
  const first = mine
    ? firstUnread(page, mine.readSeq, state.me)
    : firstOfUnread(page, conversation?.unreadCount ?? 0, state.me);
  return { ...state, pages: put(state.pages, id, first === undefined ? page : { ...page, firstUnreadSeq: first }) };
}

/** Somebody has read. `unreadCount` is what the server says of one's own, for when it cannot be counted here. */
export function readArrived(
  state: State,
  { conversationId: id, readBy, readSeq }: Pick<MessagesRead, 'conversationId' | 'readBy' | 'readSeq'>,
  unreadCount?: number,
): State {
  const known = state.conversations.get(id);
  if (!known) return state;
  const next = withReceipt(known, readBy, { readSeq });
  const unread = readBy === state.me ? (unreadUpTo(state, known, readSeq) ?? unreadCount) : undefined;
  if (unread === undefined || unread === next.unreadCount) return withConversation(state, next);
  return withConversation(state, { ...next, unreadCount: unread });
}

/** How many are unread for somebody who has read up to a number, or undefined if that cannot be told from here. */
export function unreadUpTo(state: State, known: ConversationState, readSeq: number): number | undefined {
  const before = participant(known, state.me);
  if (before && before.readSeq > readSeq) return known.unreadCount;
  if (known.lastMessage === null || known.lastMessage.seq <= readSeq) return 0;
  return unreadAfter(state.pages.get(known.id) ?? EMPTY_PAGE, readSeq, state.me);
}

export function deliveryArrived(state: State, { conversationId, deliveredTo, deliveredSeq }: MessagesDelivered): State {
  const known = state.conversations.get(conversationId);
  return known ? withConversation(state, withReceipt(known, deliveredTo, { deliveredSeq, readSeq: 0 })) : state;
}

export function typingChanged(state: State, id: string, typists: readonly Typist[]): State {
  return { ...state, typing: put(state.typing, id, typists.length > 0 ? typists : undefined) };
}

/** Adds a message to the queue, or replaces it there. */
export function outboxPut(state: State, item: OutboxItem): State {
  const items = othersInQueue(state, item);
  const after = items.findIndex((one) => one.order > item.order);
  return queued(state, item, items.toSpliced(after < 0 ? items.length : after, 0, item));
}

/**
 * Takes a message out of the queue; if the server has it, in the same moment it is among the others. Not so if the server
 * has had it for so long that there may be others between it and what is loaded.
 */
export function outboxDropped(state: State, item: OutboxItem, message?: Message): State {
  const next = queued(state, item, othersInQueue(state, item));
  const { items, loaded, hasOlder } = state.pages.get(item.conversationId) ?? EMPTY_PAGE;
  const fits = message && loaded && !(hasOlder && message.seq < (items[0]?.seq ?? 0));
  return fits ? messagesArrived(next, item.conversationId, [message]) : next;
}

const othersInQueue = (state: State, { conversationId, clientMessageId }: OutboxItem) =>
  (state.outbox.get(conversationId) ?? []).filter((one) => one.clientMessageId !== clientMessageId);

const queued = (state: State, { conversationId }: OutboxItem, items: readonly OutboxItem[]): State => ({
  ...state,
  outbox: put(state.outbox, conversationId, items.length > 0 ? items : undefined),
});
