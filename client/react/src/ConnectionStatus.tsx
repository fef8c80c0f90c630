import type { ConnectionState } from '@callboard/client';
import { useEffect, useState } from 'react';
import { useConnectionStatus } from './hooks.js';
import { Alert, Cloud } from './icons.js';
import type { Labels } from './labels.js';
import { useLabels, useMessaging } from './provider.js';

/** The properties of `ConnectionStatus`. */
export interface ConnectionStatusProps {
  /** What the button does that is shown after a logout; without it there is none. */
  onLogIn?: () => void;
}

/** A banner that says what is wrong with the connection, and nothing while all is well. */
export function ConnectionStatus({ onLogIn }: ConnectionStatusProps) {
  const client = useMessaging();
  const labels = useLabels();
  const { state, retryAt } = useConnectionStatus();
  const text = textOf(state, labels);
  const severe = state === 'failed' || state === 'logged-out';
  const retry = () => client.retry();
  // The regions are there all the time, empty or not: screen readers tell only of changes in regions that they know.
  return (
    <div className="callboard-status" data-state={state} data-severe={severe || undefined} hidden={!text}>
      {text && <span className="callboard-status-icon">{severe ? <Alert /> : <Cloud />}</span>}
      <span role="status">{severe ? undefined : text}</span>
      <span role="alert">{severe ? text : undefined}</span>
      {state === 'reconnecting' && retryAt !== undefined && <Countdown key={retryAt} until={retryAt} />}
      {(state === 'failed' || (state === 'reconnecting' && retryAt !== undefined)) && (
        <button type="button" className="callboard-status-action" onClick={retry}>
          {labels.retryNow}
        </button>
      )}
      {state === 'logged-out' && onLogIn && (
        <button type="button" className="callboard-status-action" onClick={onLogIn}>
          {labels.logIn}
        </button>
      )}
    </div>
  );
}

function textOf(state: ConnectionState, labels: Labels): string | undefined {
  switch (state) {
    case 'connecting':
      return labels.connecting;
    case 'reconnecting':
      return labels.reconnecting;
    case 'offline':
      return labels.offline;
    case 'failed':
      return labels.failed;
    case 'logged-out':
      return labels.loggedOut;
    default:
      return undefined;
  }
}

/** The seconds until a time. Not read out, for it changes every second. */
function Countdown({ until }: { until: number }) {
  const labels = useLabels();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.ceil((until - now) / 1000);
  return (
    <span className="callboard-status-countdown" aria-hidden="true">
      {seconds > 0 && labels.inSeconds(seconds)}
    </span>
  );
}
