// The parts of a client on their own: with a state, and a scripted server in the place of REST and socket.

import { Sleeper } from '../../src/backoff.js';
import type { Core } from '../../src/core.js';
import { Emitter } from '../../src/emitter.js';
import type { CallboardEvents } from '../../src/events.js';
import { Cell } from '../../src/observable.js';
import { settings } from '../../src/settings.js';
import { conversationsArrived, initial } from '../../src/state/state.js';
import type { Conversation, Message } from '../../src/wire.js';

export const ID = '0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55';
const AT = '2026-11-23T13:41:07.250Z';

export interface Scripted {
  /** What the parts have told the server by the socket. */
  readonly told: [event: string, data: unknown][];
  readonly rest: Record<string, (...args: never[]) => unknown>;
  ask: (event: string, data: unknown) => Promise<unknown>;
  isUp: boolean;
}

export function scripted(url = 'http://callboard.test'): { core: Core; script: Scripted } {
  const script: Scripted = { told: [], rest: {}, ask: async () => ({}), isUp: true };
  const connection = {
    get isUp() {
      return script.isUp;
    },
    tell(event: string, data: unknown) {
      if (script.isUp) script.told.push([event, data]);
      return script.isUp;
    },
    ask: (event: string, data: unknown) => script.ask(event, data),
  };
  const core = {
    settings: settings({ url, userId: 'alice', userName: 'Alice', getToken: () => '', reconnection: { jitter: 0 } }),
    state: new Cell(initial('alice', 'Alice')),
    rest: script.rest,
    connection,
    events: new Emitter<CallboardEvents>(),
    sleeper: new Sleeper(),
  } as unknown as Core;
  return { core, script };
}

export function message(seq: number, more: Partial<Message> = {}): Message {
  return {
    id: `m-${seq}`,
    conversationId: ID,
    seq,
    senderId: 'bob',
    senderName: 'Bob',
    content: `message ${seq}`,
    clientMessageId: null,
    createdAt: AT,
    ...more,
  };
}

export const newMessage = (seq: number, more: Partial<Message> = {}) => {
  const one = message(seq, more);
  return { seq, event: 'new-message' as const, data: { conversationId: one.conversationId, seq, message: one } };
};

/** A conversation of Alice and Bob, of which the last event is `lastSeq`. */
export function conversation(lastSeq: number, more: Partial<Conversation> = {}): Conversation {
  const cursors = { joinedAt: AT, readSeq: 0, deliveredSeq: 0 };
  return {
    id: ID,
    kind: 'group',
    title: 'Casting',
    createdBy: 'alice',
    createdAt: AT,
    updatedAt: AT,
    lastSeq,
    participantCount: 2,
    participants: [
      { userId: 'alice', name: 'Alice', ...cursors },
      { userId: 'bob', name: 'Bob', ...cursors },
    ],
    lastMessage: null,
    unreadCount: 0,
    ...more,
  };
}

export function know(core: Core, ...news: Conversation[]): void {
  core.state.set(conversationsArrived(core.state.get(), news));
}

/** Lets everything go on that waits for no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await new Promise((done) => setImmediate(done));
}

/** What is to be answered later. */
export function later<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (cause: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (cause: unknown) => void = () => {};
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}
