import type { ChatMessage, ConversationHandle, MessageList as Messages } from '@callboard/client';
import { type ComponentProps, forwardRef, type Ref, useEffect, useMemo, useRef, useState } from 'react';
import { type Components, Virtuoso, type VirtuosoHandle } from 'react-virtuoso';
import { Announcer } from './Announcer.js';
import { focusMessages } from './focus.js';
import { useConversation, useMessages } from './hooks.js';
import { ArrowDown, Bubbles } from './icons.js';
import { firstNewIndex, oldestNewIndex, placeOf } from './layout.js';
import { MessageRow } from './MessageRow.js';
import { Empty, MessagesSkeleton } from './Placeholder.js';
import { useLabels } from './provider.js';
import { TypingIndicator } from './TypingIndicator.js';
import { usePageVisible } from './usePageVisible.js';
import { BOTTOM, useStick } from './useStick.js';

/** The properties of `MessageList`. */
export interface MessageListProps {
  conversationId: string;
}

/**
 * The messages of a conversation, and below them who is typing.
 *
 * It opens where the new messages begin, and is there again for who comes back to the page; follows the newest while it is
 * at the bottom, loads older ones on the way up, and marks as read what was at the bottom of a visible page.
 */
export function MessageList({ conversationId }: MessageListProps) {
  const labels = useLabels();
  const { handle } = useConversation(conversationId);
  const messages = useMessages(conversationId);
  const opened = useOpened(conversationId);
  const { items, loaded, error } = messages;
  return (
    <div className="callboard-messages" aria-busy={!loaded && !error}>
      {opened && items.length > 0 && (
        // Before the first page there are at most messages in the queue; the page is a new beginning.
        <Scroller key={`${conversationId} ${loaded}`} messages={messages} conversationId={conversationId} />
      )}
      {loaded && items.length === 0 && (
        <Empty icon={<Bubbles />} title={labels.noMessages} hint={labels.noMessagesHint} />
      )}
      {!loaded && !error && items.length === 0 && <MessagesSkeleton />}
      {!loaded && error && items.length === 0 && (
        <Empty icon={<Bubbles />} title={labels.loadFailed}>
          <button type="button" className="callboard-button" onClick={() => load(handle)}>
            {labels.tryAgain}
          </button>
        </Empty>
      )}
      {loaded && <Announcer key={`${conversationId} announcer`} items={items} />}
      <TypingIndicator conversationId={conversationId} />
    </div>
  );
}

/** Whether the conversation has been opened: before, it is known where new messages began the last time. */
function useOpened(conversationId: string): boolean {
  const [opened, setOpened] = useState<string>();
  useEffect(() => setOpened(conversationId), [conversationId]);
  return opened === conversationId;
}

/** What went wrong is in the state of the list. */
function load(handle: ConversationHandle) {
  void handle.loadOlder().catch(() => undefined);
}

/** What the header above the messages shows. */
interface HeaderContext {
  readonly hasOlder: boolean;
  readonly error: Messages['error'] | undefined;
  readonly loadOlder: () => void;
}

const COMPONENTS: Components<ChatMessage, HeaderContext> = {
  Header,
  Footer: () => <div className="callboard-messages-end" />,
  List: forwardRef(function List({ style, children, ...rest }, ref) {
    return (
      <ul ref={ref as Ref<HTMLUListElement>} style={style} data-testid={rest['data-testid']}>
        {children}
      </ul>
    );
  }),
  Item: ({ item, context, ...props }) => <li {...(props as ComponentProps<'li'>)} />,
};

/**
 * Rendered beyond the edge that one scrolls towards, in pixels. Nothing at the other: rows that are measured above what one
 * reads are made up for only while one scrolls up.
 */
const AHEAD = { main: 800, reverse: 0 };

/** A guess, in pixels, until a row was measured. */
const ROW = 48;

function Scroller({ messages: loaded, conversationId }: { messages: Messages; conversationId: string }) {
  const labels = useLabels();
  const { conversation, handle } = useConversation(conversationId);
  const unread = conversation?.unreadCount ?? 0;
  const visible = usePageVisible();
  const messages = useMissed(loaded, unread, visible);
  const { items, hasOlder, error } = messages;
  const group = conversation?.kind === 'group';
  const firstIndex = useFirstIndex(items);
  const firstNew = useMemo(() => firstNewIndex(messages), [messages]);
  const [start] = useState(() => startOf(messages));
  const list = useRef<VirtuosoHandle>(null);
  const { position, attach, toBottom, leave, comeBack } = useStick(start === LAST);
  const [reached, setReached] = useState<number>();
  const newest = items.at(-1);

  const older = position !== 'unsettled' && reached === firstIndex && hasOlder && !error;
  useEffect(() => {
    if (older) load(handle);
  }, [older, handle]);
  useEffect(() => {
    if (!visible) leave();
  }, [visible, leave]);
  useEffect(() => {
    if (!visible || position !== 'left') return;
    if (unread === 0) {
      toBottom();
    } else {
      list.current?.scrollToIndex(startOf(messages));
      comeBack();
    }
  }, [visible, position, unread, messages, toBottom, comeBack]);
  useMarkRead(handle, visible && position === 'bottom' && unread > 0, newest?.key);
  useScrollToOwn(newest, toBottom);
  const context = useMemo(() => ({ hasOlder, error, loadOlder: () => load(handle) }), [hasOlder, error, handle]);

  return (
    <>
      <Virtuoso<ChatMessage, HeaderContext>
        ref={list}
        className="callboard-scroller"
        role="region"
        aria-label={labels.messages}
        data={items as ChatMessage[]}
        context={context}
        components={COMPONENTS}
        firstItemIndex={firstIndex}
        initialTopMostItemIndex={start}
        computeItemKey={(_, message) => message.key}
        itemContent={(index, message) => (
          <MessageRow
            message={message}
            handle={handle}
            group={group}
            {...placeOf(messages, index - firstIndex, firstNew)}
          />
        )}
        alignToBottom
        atBottomThreshold={BOTTOM}
        scrollerRef={attach}
        startReached={() => setReached(firstIndex)}
        overscan={AHEAD}
        defaultItemHeight={ROW}
      />
      {position === 'above' && (
        <button
          type="button"
          className="callboard-jump"
          aria-label={unread > 0 ? labels.jumpToNew(unread) : labels.jumpToLatest}
          onClick={(event) => {
            focusMessages(event.currentTarget);
            toBottom();
          }}
        >
          <ArrowDown />
          {unread > 0 && <span className="callboard-badge">{unread > 99 ? '99+' : unread}</span>}
        </button>
      )}
    </>
  );
}

const LAST = { index: 'LAST' as const, align: 'end' as const };

/** Where the list begins: at what is new, with something of what is before. */
function startOf(messages: Messages) {
  const index = oldestNewIndex(messages);
  return index >= 0 ? { index, align: 'start' as const, offset: -64 } : LAST;
}

/** Where the count of rows starts: far enough from 0 for any number of older ones to come before. */
const BASE = 1_000_000_000;

/** The index of the first row, which is less by one for each message that was put before it: so the list keeps its place. */
function useFirstIndex(items: readonly ChatMessage[]): number {
  const first = items[0]?.key;
  const [anchor, setAnchor] = useState({ key: first, index: BASE });
  if (anchor.key === first) return anchor.index;
  const moved = items.findIndex(({ key }) => key === anchor.key);
  const index = moved > 0 ? anchor.index - moved : BASE;
  setAnchor({ key: first, index });
  return index;
}

interface Seen {
  readonly visible: boolean;
  /** The newest message when the page was left, if it had been read. */
  readonly upTo?: number | undefined;
  /** Where "new messages" begins since somebody has come back. */
  readonly first?: number | undefined;
}

/** The messages, among which those are new that came while nobody could see the page. */
function useMissed(messages: Messages, unread: number, visible: boolean): Messages {
  const [seen, setSeen] = useState<Seen>({ visible: true });
  const { upTo, first } = seen;
  if (visible && !seen.visible) {
    setSeen({ visible, first: unread > 0 && upTo !== undefined ? upTo + 1 : first });
  } else if (!visible && seen.visible) {
    const newest = messages.items.findLast(({ seq }) => seq !== undefined)?.seq ?? 0;
    setSeen({ visible, upTo: unread === 0 ? newest : undefined, first });
  }
  return useMemo(() => (first === undefined ? messages : { ...messages, firstUnreadSeq: first }), [messages, first]);
}

/** Marks as read when there is something to mark, and again for each newer message. */
function useMarkRead(handle: ConversationHandle, due: boolean, newest: string | undefined) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: a newer message is to be marked too
  useEffect(() => {
    if (due) handle.markRead();
  }, [handle, due, newest]);
}

/** Whoever sends a message wants to see it, in the window that they write in: others show what waits to be sent, too. */
function useScrollToOwn(newest: ChatMessage | undefined, toBottom: () => void) {
  const key = newest?.key;
  const seen = useRef(key);
  const written = newest?.own && newest.seq === undefined;
  useEffect(() => {
    if (seen.current !== key && written && document.hasFocus()) toBottom();
    seen.current = key;
  }, [key, written, toBottom]);
}

function Header({ context }: { context?: HeaderContext }) {
  const labels = useLabels();
  if (!context) return null;
  return (
    <div className="callboard-messages-start">
      {context.error ? (
        <p className="callboard-load-error" role="alert">
          {labels.loadFailed}{' '}
          <button type="button" className="callboard-link" onClick={context.loadOlder}>
            {labels.tryAgain}
          </button>
        </p>
      ) : (
        context.hasOlder && <span className="callboard-spinner" />
      )}
    </div>
  );
}
