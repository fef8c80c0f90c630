import type { ConversationState } from '@callboard/client';
import { type KeyboardEvent, memo, type UIEvent, useRef, useState } from 'react';
import { ConversationAvatar } from './Avatar.js';
import { fullLabel, titleOf, whenLabel } from './format.js';
import { useConversations } from './hooks.js';
import { Bubbles } from './icons.js';
import { ConversationsSkeleton, Empty } from './Placeholder.js';
import { useLabels, useMessaging } from './provider.js';

/** The properties of `ConversationsList`. */
export interface ConversationsListProps {
  /** The conversation that is open. */
  selectedId?: string | undefined;
  onSelect: (id: string) => void;
}

/** How near to the end, in pixels, the next page is asked for. */
const AHEAD = 400;

/** The user's conversations. Arrow keys, Home and End move among them, Enter opens one. */
export function ConversationsList({ selectedId, onSelect }: ConversationsListProps) {
  const client = useMessaging();
  const labels = useLabels();
  const { items, loaded, loading, hasMore, error } = useConversations();
  const list = useRef<HTMLUListElement>(null);
  const [focused, setFocused] = useState<string>();

  const load = () => void client.loadConversations().catch(() => undefined);
  const scrolled = ({ currentTarget: { scrollHeight, scrollTop, clientHeight } }: UIEvent<HTMLElement>) => {
    if (hasMore && !loading && !error && scrollHeight - scrollTop - clientHeight < AHEAD) load();
  };
  const moved = (event: KeyboardEvent) => {
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
    const to = target(event.key, buttons.indexOf(document.activeElement as HTMLButtonElement), buttons.length);
    if (to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
    setFocused(items[to]?.id);
  };

  if (!loaded && !error) {
    return (
      <div className="callboard-conversations" aria-busy="true">
        <ConversationsSkeleton />
      </div>
    );
  }
  // One stop for the Tab key: where the arrow keys have led, the open conversation, or the first.
  const stop = (items.find(({ id }) => id === focused) ?? items.find(({ id }) => id === selectedId) ?? items[0])?.id;
  return (
    <nav className="callboard-conversations" aria-label={labels.conversations} onScroll={scrolled}>
      {items.length === 0 && !error && (
        <Empty icon={<Bubbles />} title={labels.noConversations} hint={labels.noConversationsHint} />
      )}
      {items.length > 0 && (
        <ul ref={list} onKeyDown={moved} onBlur={() => setFocused(undefined)}>
          {items.map((conversation) => (
            <Row
              key={conversation.id}
              conversation={conversation}
              userId={client.userId}
              selected={conversation.id === selectedId}
              stop={conversation.id === stop}
              onSelect={onSelect}
            />
          ))}
        </ul>
      )}
      {error && (
        <p className="callboard-load-error" role="alert">
          {labels.loadFailed}{' '}
          <button type="button" className="callboard-link" onClick={load}>
            {labels.tryAgain}
          </button>
        </p>
      )}
      {hasMore && !error && items.length > 0 && (
        <button type="button" className="callboard-link callboard-more" onClick={load} disabled={loading}>
          {labels.loadMore}
        </button>
      )}
    </nav>
  );
}

/** Where a key leads to in a list of `count`, from `at`; nowhere if it is another key. */
function target(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
      return Math.min(at + 1, count - 1);
    case 'ArrowUp':
      return Math.max(at - 1, 0);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}

interface RowProps {
  conversation: ConversationState;
  userId: string;
  selected: boolean;
  stop: boolean;
  onSelect: (id: string) => void;
}

const Row = memo(function Row({ conversation, userId, selected, stop, onSelect }: RowProps) {
  const labels = useLabels();
  const { id, lastMessage, unreadCount, updatedAt } = conversation;
  const time = new Date(lastMessage?.createdAt ?? updatedAt);
  return (
    <li>
      <button
        type="button"
        className="callboard-conversation-row"
        aria-current={selected || undefined}
        data-unread={unreadCount > 0 || undefined}
        tabIndex={stop ? 0 : -1}
        onClick={() => onSelect(id)}
      >
        <ConversationAvatar conversation={conversation} userId={userId} />
        <span className="callboard-conversation-title" dir="auto">
          {titleOf(conversation, userId)}
        </span>
        <time className="callboard-conversation-time" dateTime={time.toISOString()} title={fullLabel(time, labels)}>
          {whenLabel(time, labels)}
        </time>
        <span className="callboard-conversation-preview" dir="auto">
          {previewOf(conversation, userId, labels)}
        </span>
        {unreadCount > 0 && (
          <span className="callboard-badge">
            <span aria-hidden="true">{unreadCount > 99 ? '99+' : unreadCount}</span>
            <span className="callboard-hidden">{labels.unread(unreadCount)}</span>
          </span>
        )}
      </button>
    </li>
  );
});

function previewOf(
  { lastMessage, kind }: ConversationState,
  userId: string,
  labels: { you: string; noMessageYet: string },
): string {
  if (!lastMessage) return labels.noMessageYet;
  const { senderId, senderName, content } = lastMessage;
  if (senderId === userId) return `${labels.you}: ${content}`;
  return kind === 'group' ? `${senderName ?? senderId}: ${content}` : content;
}
