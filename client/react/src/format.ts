// How people, conversations and times are called. Without React.

import type { ConversationState } from '@callboard/client';
import type { Labels } from './labels.js';

/** What somebody is called: by their id before they have a name. */
export function nameOf(person: { userId: string; name: string | null }): string {
  return person.name || person.userId;
}

/** What a conversation is called: by its title, or else by the others in it. */
export function titleOf(conversation: ConversationState, userId: string): string {
  if (conversation.title) return conversation.title;
  const others = conversation.participants.filter((person) => person.userId !== userId);
  const [only] = conversation.participants;
  if (others.length === 0) return only ? nameOf(only) : conversation.id;
  const named = others.slice(0, 3).map(nameOf).join(', ');
  const more = conversation.participantCount - 1 - Math.min(others.length, 3);
  return more > 0 ? `${named} +${more}` : named;
}

/** One or two letters for somebody without a picture. */
export function initialsOf(name: string): string {
  const words = name.split(/[^\p{L}\p{M}\p{N}]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  const initials = letters.map((word) => Array.from(word ?? '')[0] ?? '').join('');
  return initials.toLocaleUpperCase() || '?';
}

/** How many colours of avatars the style sheet has. */
export const HUES = 8;

/** The number of the colour that belongs to somebody: the same everywhere, and for ever. */
export function hueOf(id: string): number {
  // FNV-1a, stirred once more, for short ids differ in few of its bits.
  let hash = 0x811c9dc5;
  for (const char of id) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 18) % HUES;
}

/** The day of a time, as a number that differs between days. */
export function dayOf(time: Date): number {
  return time.getFullYear() * 10_000 + time.getMonth() * 100 + time.getDate();
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Formats are expensive to make and asked for in every row. */
function format(locale: string | undefined, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify([locale, options]);
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat(locale, options);
  formats.set(key, made);
  return made;
}

const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit' };
const SHORT: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' };
const WEEKDAY: Intl.DateTimeFormatOptions = { weekday: 'short' };
const LONG: Intl.DateTimeFormatOptions = { weekday: 'long', day: 'numeric', month: 'long' };
const FULL: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'long', year: 'numeric' };

/** The time of day. */
export function timeLabel(time: Date, labels: Labels): string {
  return format(labels.locale, TIME).format(time);
}

/** Date and time in full. */
export function fullLabel(time: Date, labels: Labels): string {
  return format(labels.locale, { dateStyle: 'full', timeStyle: 'short' }).format(time);
}

/** The heading of a day. */
export function dayLabel(time: Date, labels: Labels, now = new Date()): string {
  const ago = daysBetween(time, now);
  if (ago === 0) return labels.today;
  if (ago === 1) return labels.yesterday;
  return format(labels.locale, time.getFullYear() === now.getFullYear() ? LONG : FULL).format(time);
}

/** As short as it can be: the time today, the weekday this week, or else the date. */
export function whenLabel(time: Date, labels: Labels, now = new Date()): string {
  const ago = daysBetween(time, now);
  if (ago === 0) return timeLabel(time, labels);
  if (ago === 1) return labels.yesterday;
  if (ago > 1 && ago < 7) return format(labels.locale, WEEKDAY).format(time);
  return format(labels.locale, time.getFullYear() === now.getFullYear() ? SHORT : { ...SHORT, year: 'numeric' }).format(
    time,
  );
}

function daysBetween(earlier: Date, later: Date): number {
  const midnight = (time: Date) => Date.UTC(time.getFullYear(), time.getMonth(), time.getDate());
  return Math.round((midnight(later) - midnight(earlier)) / 86_400_000);
}
