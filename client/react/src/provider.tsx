import { Callboard, type CallboardOptions } from '@callboard/client';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { defaultLabels, type Labels } from './labels.js';
import { useToday } from './useToday.js';

interface Messaging {
  readonly client: Callboard;
  readonly labels: Labels;
  /** What is called by its distance from today is called anew when that changes. */
  readonly today: number;
}

const Context = createContext<Messaging | undefined>(undefined);

interface Common {
  /** Texts other than the English ones; those that are left out stay. Keep the reference stable. */
  labels?: Partial<Labels> | undefined;
  children?: ReactNode;
}

/** Either a client, or the options for one. */
export type MessagingProviderProps = Common &
  (
    | {
        /** A client of one's own, which one connects and closes oneself. */
        client: Callboard;
        options?: never;
      }
    | {
        /** What to make a client with. It is connected, and closed when the provider goes or the user changes. */
        options: CallboardOptions;
        client?: never;
      }
  );

/** Gives the hooks and components below it their client. */
export function MessagingProvider({ client, options, labels, children }: MessagingProviderProps) {
  // Another user or server is another client, and nothing below may keep state of the one before.
  if (client) {
    return (
      <Provided key={client.userId} client={client} labels={labels}>
        {children}
      </Provided>
    );
  }
  return (
    <Owned key={JSON.stringify([options.userId, options.url, options.socketUrl])} options={options} labels={labels}>
      {children}
    </Owned>
  );
}

/** Makes the client in an effect, for only those are undone when React mounts twice or throws a render away. */
function Owned({ options, labels, children }: Common & { options: CallboardOptions }) {
  const [client, setClient] = useState<Callboard>();
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    const made = new Callboard({ ...latest.current, getToken: () => latest.current.getToken() });
    setClient(made);
    made.connect();
    return () => made.close();
  }, []);
  return (
    client && (
      <Provided client={client} labels={labels}>
        {children}
      </Provided>
    )
  );
}

function Provided({ client, labels, children }: Common & { client: Callboard }) {
  const today = useToday();
  const value = useMemo(() => ({ client, labels: { ...defaultLabels, ...labels }, today }), [client, labels, today]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

function useContextOf(hook: string): Messaging {
  const messaging = useContext(Context);
  if (!messaging) throw new Error(`${hook} needs a <MessagingProvider> above it`);
  return messaging;
}

/** The client. */
export function useMessaging(): Callboard {
  return useContextOf('useMessaging').client;
}

/** The texts of the components. */
export function useLabels(): Labels {
  return useContextOf('useLabels').labels;
}
