import { MessagingProvider } from '@callboard/react';
import { useMemo, useState } from 'react';
import { Chat } from './Chat.js';
import { type Session, storedSession, storeSession, tokenFor } from './session.js';
import { Welcome } from './Welcome.js';

/** The page: who are you, then your conversations. */
export function App() {
  const [session, setSession] = useState(storedSession);
  const enter = (entered: Session | undefined) => {
    storeSession(entered);
    setSession(entered);
  };
  const options = useMemo(
    () =>
      session && {
        userId: session.userId,
        userName: session.name,
        getToken: () => tokenFor(session),
        pageSize: 100,
      },
    [session],
  );
  if (!session || !options) return <Welcome onEnter={enter} />;
  return (
    <MessagingProvider options={options}>
      <Chat session={session} onLeave={() => enter(undefined)} />
    </MessagingProvider>
  );
}
