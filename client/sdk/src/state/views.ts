// What the observables show, made from the state. The same reference comes back until something in it has changed.

import { CallboardError } from '../errors.js';
import type { OutboxItem } from '../outbox/storage.js';
import type { Message } from '../wire.js';
import { byActivity, NOWHERE } from './conversations.js';
import { EMPTY_PAGE } from './messages.js';
import type { ChatMessage, ConversationList, MessageList, MessageStatus, Typist } from './model.js';
import type { State } from './state.js';

/** Computes anew only when an input has changed. */
function memo<S, I extends unknown[] | [], T>(inputs: (state: S) => I, compute: (...inputs: I) => T): (state: S) => T {
  let last: { inputs: I; result: T } | undefined;
  return (state) => {
    const now = inputs(state);
    if (!last || now.some((input, index) => !Object.is(input, last?.inputs[index]))) {
      last = { inputs: now, result: compute(...now) };
    }
    return last.result;
  };
}

export const conversationList = () =>
  memo(
    ({ conversations, list }: State) => [conversations, list],
    (conversations, { loaded, loading, cursor, error }): ConversationList => ({
      items: byActivity(conversations),
      loaded,
      loading,
      hasMore: !loaded || cursor !== undefined,
      ...(error && { error }),
    }),
  );

export const unreadTotal = (state: State): number =>
  [...state.conversations.values()].reduce((sum, { unreadCount }) => sum + unreadCount, 0);

const NOBODY: readonly Typist[] = [];
const NOTHING: readonly OutboxItem[] = [];

export const typists =
  (id: string) =>
  (state: State): readonly Typist[] =>
    state.typing.get(id) ?? NOBODY;

export function messageList(id: string) {
  const shown = new WeakMap<Message | OutboxItem, ChatMessage>();
  return memo(
    ({ me, myName, pages, outbox, reached }: State) => [
      pages.get(id) ?? EMPTY_PAGE,
      outbox.get(id) ?? NOTHING,
      reached.get(id) ?? NOWHERE,
      me,
      myName,
    ],
    (page, queue, { read, delivered }, me, myName): MessageList => {
      const { items, firstUnreadSeq, error, loaded, loading, hasOlder } = page;
      const status = (seq: number): MessageStatus => (seq <= read ? 'read' : seq <= delivered ? 'delivered' : 'sent');
      const sent = items.map((message) => {
        const own = message.senderId === me;
        return remembered(shown, message, own ? status(message.seq) : 'sent', (now) => fromMessage(message, own, now));
      });
      const arrived = new Set(sent.map((message) => message.key));
      const waiting = queue
        .filter((item) => !arrived.has(item.clientMessageId))
        .map((item) => remembered(shown, item, item.status, () => fromOutbox(item, me, myName)));
      return {
        items: [...sent, ...waiting],
        loaded,
        loading,
        hasOlder,
        ...(error && { error }),
        ...(firstUnreadSeq !== undefined && { firstUnreadSeq }),
      };
    },
  );
}

function remembered<K extends object>(
  shown: WeakMap<K, ChatMessage>,
  source: K,
  status: MessageStatus,
  make: (status: MessageStatus) => ChatMessage,
): ChatMessage {
  const before = shown.get(source);
  if (before?.status === status) return before;
  const message = make(status);
  shown.set(source, message);
  return message;
}

function fromMessage(message: Message, own: boolean, status: MessageStatus): ChatMessage {
  const { clientMessageId, ...rest } = message;
  // Others' client ids are theirs alone, and might be the same as one of ours.
  const key = own && clientMessageId ? clientMessageId : message.id;
  return { ...rest, key, own, status, ...(clientMessageId && { clientMessageId }) };
}

export function fromOutbox(item: OutboxItem, me: string, myName: string | null): ChatMessage {
  const { order: _, error, ...rest } = item;
  return {
    ...rest,
    key: item.clientMessageId,
    senderId: me,
    senderName: myName,
    own: true,
    ...(error && { error: new CallboardError(error.code, error.message) }),
  };
}
