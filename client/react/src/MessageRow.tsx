import type { ChatMessage, ConversationHandle, MessageStatus } from '@callboard/client';
import { type MouseEvent, memo } from 'react';
import { Avatar } from './Avatar.js';
import { focusMessages } from './focus.js';
import { dayLabel, fullLabel, timeLabel } from './format.js';
import { Alert, Clock, Tick, TickDisc, Ticks } from './icons.js';
import type { Place } from './layout.js';
import { useLabels } from './provider.js';

interface MessageRowProps extends Place {
  message: ChatMessage;
  handle: ConversationHandle;
  /** Whether it may be written by one of several, of whom some may have left. */
  group: boolean;
}

/** One message, and what is above it: the day it opens, and the mark of what is new. */
export const MessageRow = memo(function MessageRow({
  message,
  handle,
  group,
  startsDay,
  startsNew,
  startsGroup,
  endsGroup,
}: MessageRowProps) {
  const labels = useLabels();
  const { own, senderId, content, status } = message;
  const name = message.senderName ?? senderId;
  const time = new Date(message.createdAt);
  return (
    <>
      {startsDay && (
        <div className="callboard-day">
          <span>{dayLabel(time, labels)}</span>
        </div>
      )}
      {startsNew && (
        <div className="callboard-new">
          <span>{labels.newMessages}</span>
        </div>
      )}
      <div
        className="callboard-message"
        data-own={own || undefined}
        data-starts={startsGroup || undefined}
        data-ends={endsGroup || undefined}
        data-status={status}
      >
        {group && !own && (
          <span className="callboard-gutter">{endsGroup && <Avatar id={senderId} name={name} size="small" />}</span>
        )}
        <div className="callboard-bubble">
          <span className={group && !own && startsGroup ? 'callboard-sender' : 'callboard-hidden'}>
            {own ? labels.you : name}
          </span>
          <div className="callboard-text" dir="auto">
            <Text content={content} />
          </div>
          <span className="callboard-meta">
            <time dateTime={message.createdAt} title={fullLabel(time, labels)}>
              {timeLabel(time, labels)}
            </time>
            {own && <Delivery status={status} />}
          </span>
        </div>
      </div>
      {status === 'failed' && <Failed message={message} handle={handle} />}
    </>
  );
});

function Delivery({ status }: { status: MessageStatus }) {
  const labels = useLabels();
  const label = labels.status[status];
  return (
    <span className="callboard-delivery" data-status={status} role="img" aria-label={label} title={label}>
      {iconOf(status)}
    </span>
  );
}

function iconOf(status: MessageStatus) {
  switch (status) {
    case 'queued':
    case 'sending':
      return <Clock />;
    case 'sent':
      return <Tick />;
    case 'delivered':
      return <Ticks />;
    case 'read':
      return <TickDisc />;
    case 'failed':
      return <Alert />;
  }
}

function Failed({ message, handle }: { message: ChatMessage; handle: ConversationHandle }) {
  const labels = useLabels();
  const { clientMessageId, error } = message;
  if (clientMessageId === undefined) return null;
  const then = (act: (id: string) => void) => (event: MouseEvent) => {
    focusMessages(event.currentTarget);
    act(clientMessageId);
  };
  return (
    <div className="callboard-failed">
      <span>{error ? `${labels.notSent}: ${error.message}` : labels.notSent}</span>
      <button type="button" className="callboard-link" onClick={then((id) => handle.retry(id))}>
        {labels.retry}
      </button>
      <button type="button" className="callboard-link" onClick={then((id) => handle.discard(id))}>
        {labels.discard}
      </button>
    </div>
  );
}

/** An address, without the punctuation that a sentence puts behind it. */
const ADDRESS = /(https?:\/\/[^\s<>"]*[^\s<>".,;:!?'()[\]{}])/;

/** What was written, with its addresses to click on. */
function Text({ content }: { content: string }) {
  return content.split(ADDRESS).map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a text have nothing but their place
      <a key={index} href={part} target="_blank" rel="noopener noreferrer nofollow">
        {part}
      </a>
    ) : (
      part
    ),
  );
}
