// How a conversation changes: from what was known and what has arrived to what is known now. Nothing here does anything else.

import type { Conversation, Message, Participant } from '../wire.js';
import type { ConversationState, ParticipantState } from './model.js';

/** Somebody among the participants that are known, which are the first 100. */
export function participant(conversation: ConversationState | undefined, userId: string): ParticipantState | undefined {
  return conversation?.participants.find((one) => one.userId === userId);
}

/** Up to where all others have read, and received. */
export interface Reach {
  readonly read: number;
  readonly delivered: number;
}

export const NOWHERE: Reach = { read: 0, delivered: 0 };

/** As far as this conversation shows, or as far as it was before. In large ones nobody knows. */
export function further(before = NOWHERE, { participants, participantCount }: ConversationState, me: string): Reach {
  const others = participants.filter((one) => one.userId !== me);
  if (others.length === 0 || participants.length < participantCount) return before;
  const read = Math.max(before.read, Math.min(...others.map((one) => one.readSeq)));
  const delivered = Math.max(before.delivered, Math.min(...others.map((one) => one.deliveredSeq)));
  return read === before.read && delivered === before.delivered ? before : { read, delivered };
}

/** Latest activity first. */
export function byActivity(conversations: ReadonlyMap<string, ConversationState>): ConversationState[] {
  const rank = ({ updatedAt, id }: ConversationState) => updatedAt + id;
  return [...conversations.values()].sort((a, b) => (rank(a) < rank(b) ? 1 : -1));
}

/**
 * What is known of a conversation after the server has described it: whole, in an answer, or in an event, without what
 * differs by reader or by the moment.
 */
export function described(known: ConversationState | undefined, news: Conversation, me: string): ConversationState {
  const participants = news.participants.map((one) => withCursors(one, participant(known, one.userId), news.lastSeq));
  const { unreadCount, lastMessage } = news;
  if (!known) return { ...news, participants, unreadCount: unreadCount ?? 0, lastMessage: lastMessage ?? null };
  if (news.lastSeq < known.lastSeq || (isWhole(news) && isOutdated(known, news, me))) {
    // Late, but receipts in it may be news: they only ever move forward.
    return { ...known, participants: known.participants.map((one) => withNewer(one, participants)) };
  }
  return {
    ...news,
    participants,
    unreadCount: unreadCount ?? known.unreadCount,
    lastMessage: lastMessage === undefined ? known.lastMessage : lastMessage,
  };
}

const isWhole = (news: Conversation) => news.unreadCount !== undefined;

/** Whether one has read on since this answer was made, so that its count of the unread is too high. */
function isOutdated(known: ConversationState, news: Conversation, me: string): boolean {
  const asked = news.participants.find((one) => one.userId === me);
  return (asked?.readSeq ?? 0) < (participant(known, me)?.readSeq ?? 0);
}

/** Who is new, in an event, has read and received what there was before them. */
function withCursors(news: Participant, known: ParticipantState | undefined, lastSeq: number): ParticipantState {
  const readSeq = Math.max(known?.readSeq ?? 0, news.readSeq ?? (known ? 0 : lastSeq - 1));
  const deliveredSeq = Math.max(news.deliveredSeq ?? 0, known?.deliveredSeq ?? 0, readSeq);
  return { userId: news.userId, name: news.name, joinedAt: news.joinedAt, readSeq, deliveredSeq };
}

function withNewer(known: ParticipantState, news: readonly ParticipantState[]): ParticipantState {
  const newer = news.find((one) => one.userId === known.userId);
  return newer ? { ...known, readSeq: newer.readSeq, deliveredSeq: newer.deliveredSeq } : known;
}

/** After a message has arrived. */
export function withMessage(known: ConversationState, message: Message, me: string): ConversationState {
  if (message.seq <= known.lastSeq) return known;
  const unread = message.senderId !== me && message.seq > (participant(known, me)?.readSeq ?? 0);
  return {
    ...known,
    lastSeq: message.seq,
    updatedAt: message.createdAt,
    lastMessage: message,
    unreadCount: known.unreadCount + (unread ? 1 : 0),
  };
}

/** After somebody has read, or received, up to a number. Reading implies receiving; neither ever goes back. */
export function withReceipt(
  known: ConversationState,
  userId: string,
  { readSeq = 0, deliveredSeq = readSeq }: { readSeq?: number; deliveredSeq?: number },
): ConversationState {
  const before = participant(known, userId);
  if (!before || (before.readSeq >= readSeq && before.deliveredSeq >= deliveredSeq)) return known;
  const after = {
    ...before,
    readSeq: Math.max(before.readSeq, readSeq),
    deliveredSeq: Math.max(before.deliveredSeq, deliveredSeq),
  };
  return { ...known, participants: known.participants.map((one) => (one === before ? after : one)) };
}
