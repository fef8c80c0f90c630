// Where a message stands among its neighbours. Looked up for the rows on the screen only, so its cost does not grow with
// the number of messages.

import type { ChatMessage, MessageList } from '@callboard/client';
import { dayOf } from './format.js';

/** What surrounds a message. */
export interface Place {
  /** It is the first of its day. */
  readonly startsDay: boolean;
  /** "New messages" begins with it. */
  readonly startsNew: boolean;
  /** It is the first of its sender's in a row. */
  readonly startsGroup: boolean;
  /** It is the last of them. */
  readonly endsGroup: boolean;
}

/** Messages of one sender stay in one group for as long as no more than this lies between them. */
const GROUP_GAP = 5 * 60_000;

/**
 * The place of the message at `index`, where "new messages" begins at `firstNew`.
 *
 * Of the first message nothing is known while there are older ones: it would lose its heading when they come, and what is
 * below would move.
 */
export function placeOf({ items, hasOlder }: MessageList, index: number, firstNew: number): Place {
  const message = items[index];
  if (!message) return { startsDay: false, startsNew: false, startsGroup: true, endsGroup: true };
  const before = items[index - 1];
  const after = items[index + 1];
  return {
    startsDay: before ? !sameDay(before, message) : !hasOlder,
    startsNew: index === firstNew,
    startsGroup: index === firstNew || (before ? !sameGroup(before, message) : !hasOlder),
    endsGroup: index + 1 === firstNew || !after || !sameGroup(message, after),
  };
}

/** The index of the message that "new messages" begins with, or -1 if there is none, or it is not loaded yet. */
export function firstNewIndex(messages: MessageList): number {
  const index = oldestNewIndex(messages);
  return index === 0 && messages.hasOlder ? -1 : index;
}

/** The index of the oldest new message that is loaded, or -1 if there is none. */
export function oldestNewIndex({ items, firstUnreadSeq }: MessageList): number {
  if (firstUnreadSeq === undefined) return -1;
  return items.findIndex(({ own, seq }) => !own && seq !== undefined && seq >= firstUnreadSeq);
}

function sameDay(a: ChatMessage, b: ChatMessage): boolean {
  return dayOf(new Date(a.createdAt)) === dayOf(new Date(b.createdAt));
}

function sameGroup(a: ChatMessage, b: ChatMessage): boolean {
  return a.senderId === b.senderId && Date.parse(b.createdAt) - Date.parse(a.createdAt) < GROUP_GAP && sameDay(a, b);
}
