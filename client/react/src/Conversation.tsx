import { type ReactNode, useState } from 'react';
import { ConversationAvatar } from './Avatar.js';
import { nameOf, titleOf } from './format.js';
import { useConversation, useConversations, useObservable } from './hooks.js';
import { Bubbles, ChevronLeft } from './icons.js';
import { MessageInput } from './MessageInput.js';
import { MessageList } from './MessageList.js';
import { Empty } from './Placeholder.js';
import { useLabels, useMessaging } from './provider.js';

/** The properties of `Conversation`. */
export interface ConversationProps {
  conversationId: string;
  /** What the button at the start of the header does, for where there is room for one pane only; without it there is none. */
  onBack?: () => void;
  /** What stands at the right of the header. */
  actions?: ReactNode;
  /** Takes the keyboard when the conversation is opened. */
  autoFocus?: boolean;
}

/** A whole conversation: who is in it, its messages, and where to write. */
export function Conversation(props: ConversationProps) {
  return <Opened key={props.conversationId} {...props} />;
}

function Opened({ conversationId, onBack, actions, autoFocus = false }: ConversationProps) {
  const { userId } = useMessaging();
  const labels = useLabels();
  const { conversation } = useConversation(conversationId);
  const gone = useGone(conversationId);
  return (
    <section className="callboard-conversation" aria-label={conversation && titleOf(conversation, userId)}>
      <header className="callboard-header">
        {onBack && (
          <button
            type="button"
            className="callboard-icon-button callboard-back"
            aria-label={labels.back}
            onClick={onBack}
          >
            <ChevronLeft />
          </button>
        )}
        {conversation && (
          <>
            <ConversationAvatar conversation={conversation} userId={userId} />
            <div className="callboard-header-text">
              <h2 dir="auto">{titleOf(conversation, userId)}</h2>
              <p>
                {conversation.participantCount > 6
                  ? labels.people(conversation.participantCount)
                  : conversation.participants
                      .map((person) => (person.userId === userId ? labels.you : nameOf(person)))
                      .join(', ')}
              </p>
            </div>
          </>
        )}
        {conversation && <div className="callboard-header-actions">{actions}</div>}
      </header>
      {gone ? (
        <div className="callboard-messages">
          <Empty icon={<Bubbles />} title={labels.gone} hint={labels.goneHint} />
        </div>
      ) : (
        <>
          <MessageList conversationId={conversationId} />
          <MessageInput conversationId={conversationId} autoFocus={autoFocus} />
        </>
      )}
    </section>
  );
}

/** Whether the conversation cannot be opened, or not any longer. */
function useGone(conversationId: string): boolean {
  const { conversation, handle } = useConversation(conversationId);
  const { error } = useObservable(handle.messages);
  const { loaded } = useConversations();
  const [known, setKnown] = useState(false);
  if (conversation && !known) setKnown(true);
  return !conversation && (error?.code === 'not_found' || (known && loaded));
}
