// The loaded messages of a conversation, as the server has them.

import type { CallboardError } from '../errors.js';
import type { Message } from '../wire.js';

/** Everything that is loaded, without gaps, up to the newest. */
export interface Page {
  /** In the order of their numbers. */
  readonly items: readonly Message[];
  readonly loaded: boolean;
  readonly loading: boolean;
  readonly hasOlder: boolean;
  readonly error?: CallboardError;
  readonly firstUnreadSeq?: number;
}

export const EMPTY_PAGE: Page = { items: [], loaded: false, loading: false, hasOlder: false };

/** Both together, in order; of two with the same number the one that was known. */
export function merged(known: readonly Message[], news: readonly Message[]): readonly Message[] {
  const last = known.at(-1)?.seq ?? 0;
  const numbers = new Set(known.map((message) => message.seq));
  const added = news.filter((message) => !numbers.has(message.seq)).sort((a, b) => a.seq - b.seq);
  const [first] = added;
  if (!first) return known;
  const both = [...known, ...added];
  return first.seq > last ? both : both.sort((a, b) => a.seq - b.seq);
}

/** How many of others' messages lie past `readSeq`, or undefined if not all of them are loaded. */
export function unreadAfter({ items, loaded, hasOlder }: Page, readSeq: number, me: string): number | undefined {
  const [oldest] = items;
  if (!loaded || (hasOlder && (!oldest || oldest.seq > readSeq + 1))) return undefined;
  return items.filter((message) => message.seq > readSeq && message.senderId !== me).length;
}

/** Where "new messages" begins for somebody who has read up to `readSeq`: the first of others' messages after it. */
export function firstUnread({ items, hasOlder }: Page, readSeq: number, me: string): number | undefined {
  const [oldest] = items;
  if (hasOlder && oldest && oldest.seq > readSeq + 1) return readSeq + 1;
  return items.find((message) => message.seq > readSeq && message.senderId !== me)?.seq;
}

/** The same for somebody of whom it is only known how many are unread: so many of others' from the end, as far as loaded. */
export function firstOfUnread({ items }: Page, count: number, me: string): number | undefined {
  const others = items.filter((message) => message.senderId !== me);
  return count > 0 ? (others.at(-count) ?? others[0])?.seq : undefined;
}
