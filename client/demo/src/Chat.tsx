import { ConnectionStatus, Conversation, ConversationsList, useConversation, useUnreadCount } from '@callboard/react';
import { useEffect, useRef, useState } from 'react';
import { Logo, People } from './icons.js';
import { Members } from './Members.js';
import { NewConversation } from './NewConversation.js';
import { Sidebar } from './Sidebar.js';
import type { Session } from './session.js';
import { touched } from './touched.js';
import { goTo, useRoute } from './useRoute.js';

/** Conversations at the left, the open one beside them; on small screens one of the two. */
export function Chat({ session, onLeave }: { session: Session; onLeave: () => void }) {
  const openId = useRoute();
  const [starting, setStarting] = useState(false);
  useTitle();
  return (
    <div className="chat" data-open={openId !== undefined || undefined}>
      <ConnectionStatus onLogIn={onLeave} />
      <div className="panes">
        <Sidebar session={session} onStart={() => setStarting(true)} onLeave={onLeave}>
          <ConversationsList selectedId={openId} onSelect={goTo} />
        </Sidebar>
        <main className="pane-main">
          {openId === undefined ? <Nothing onStart={() => setStarting(true)} /> : <Open key={openId} id={openId} />}
        </main>
      </div>
      {starting && <NewConversation onClose={() => setStarting(false)} />}
    </div>
  );
}

function Open({ id }: { id: string }) {
  const { conversation } = useConversation(id);
  const [showMembers, setShowMembers] = useState(false);
  const toggle = useRef<HTMLButtonElement>(null);
  const hide = () => {
    setShowMembers(false);
    toggle.current?.focus();
  };
  const people = (
    <button
      ref={toggle}
      type="button"
      className="icon-button"
      aria-label="People and settings"
      aria-expanded={showMembers}
      onClick={() => setShowMembers(!showMembers)}
    >
      <People />
    </button>
  );
  return (
    <>
      <Conversation conversationId={id} onBack={() => goTo(undefined)} actions={people} autoFocus={!touched()} />
      {conversation && showMembers && <Members key={conversation.id} conversation={conversation} onClose={hide} />}
    </>
  );
}

function Nothing({ onStart }: { onStart: () => void }) {
  return (
    <div className="nothing">
      <Logo />
      <p>Choose a conversation, or start a new one.</p>
      <button type="button" className="button" onClick={onStart}>
        New conversation
      </button>
    </div>
  );
}

/** The number of unread messages, where one sees it from another tab. */
function useTitle() {
  const unread = useUnreadCount();
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Callboard` : 'Callboard';
    return () => {
      document.title = 'Callboard';
    };
  }, [unread]);
}
