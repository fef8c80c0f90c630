// A client whose state a test sets, without a server.

import type {
  Callboard,
  ChatMessage,
  ConnectionStatus,
  ConversationHandle,
  ConversationList,
  ConversationState,
  MessageList,
  Observable,
  Typist,
} from '@callboard/client';
import { vi } from 'vitest';

class Cell<T> implements Observable<T> {
  readonly #listeners = new Set<() => void>();

  constructor(private value: T) {}

  get = () => this.value;

  subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  set(value: T) {
    this.value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  change(part: Partial<T>) {
    this.set({ ...this.value, ...part });
  }
}

const NOTHING: MessageList = { items: [], loaded: true, loading: false, hasOlder: false };

class Scene {
  readonly state = new Cell<ConversationState | undefined>(undefined);
  readonly messages = new Cell<MessageList>(NOTHING);
  readonly typing = new Cell<readonly Typist[]>([]);
  readonly close = vi.fn();
  readonly open = vi.fn(() => this.close);
  readonly markRead = vi.fn();
  readonly retry = vi.fn();
  readonly discard = vi.fn();

  constructor(readonly id: string) {}
}

/** The client of alice. */
export class Stage {
  readonly userId = 'alice';
  readonly status = new Cell<ConnectionStatus>({ state: 'connected' });
  readonly conversations = new Cell<ConversationList>({ items: [], loaded: true, loading: false, hasMore: false });
  readonly unreadCount = new Cell(0);
  readonly #scenes = new Map<string, Scene>();

  conversation(id: string): Scene {
    const scene = this.#scenes.get(id) ?? new Scene(id);
    this.#scenes.set(id, scene);
    return scene;
  }

  get client(): Callboard {
    const conversation = (id: string) => this.conversation(id) as unknown as ConversationHandle;
    const { userId, status, conversations, unreadCount } = this;
    return { userId, status, conversations, unreadCount, conversation } as unknown as Callboard;
  }
}

/** A conversation of alice and these others. */
export function conversation(id: string, others: readonly string[], rest: Partial<ConversationState> = {}) {
  const now = new Date().toISOString();
  const person = (userId: string) => ({ userId, name: null, joinedAt: now, readSeq: 0, deliveredSeq: 0 });
  return {
    id,
    kind: others.length === 1 ? 'direct' : 'group',
    title: null,
    createdBy: 'alice',
    createdAt: now,
    updatedAt: now,
    lastSeq: 1,
    participantCount: others.length + 1,
    participants: ['alice', ...others].map(person),
    lastMessage: null,
    unreadCount: 0,
    ...rest,
  } satisfies ConversationState;
}

/** A message that the server has. */
export function message(seq: number, senderId: string, rest: Partial<ChatMessage> = {}): ChatMessage {
  return {
    key: `m${seq}`,
    id: `m${seq}`,
    conversationId: 'c1',
    seq,
    senderId,
    senderName: null,
    content: `Message ${seq}`,
    createdAt: new Date().toISOString(),
    own: senderId === 'alice',
    status: 'sent',
    ...rest,
  };
}
