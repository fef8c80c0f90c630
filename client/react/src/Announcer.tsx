import type { ChatMessage } from '@callboard/client';
import { useEffect, useRef, useState } from 'react';
import { useLabels } from './provider.js';

/** So many at once are read out; who gets more looks for themselves. */
const MOST = 3;

/**
 * Reads out others' new messages, and which of one's own were not sent. The list itself cannot: rows come and go as it is
 * scrolled, and a screen reader would say each of them.
 */
export function Announcer({ items }: { items: readonly ChatMessage[] }) {
  const labels = useLabels();
  const [said, setSaid] = useState<{ turn: number; messages: readonly ChatMessage[] }>({ turn: 0, messages: [] });
  const heard = useRef(known(items));
  useEffect(() => {
    const { newest, failed } = heard.current;
    const now = known(items);
    heard.current = { ...now, newest: Math.max(newest, now.newest) };
    const fresh = items.filter(({ key, own, seq = 0, status }) =>
      own ? status === 'failed' && !failed.has(key) : seq > newest,
    );
    if (fresh.length > 0) setSaid(({ turn }) => ({ turn: turn + 1, messages: fresh.slice(-MOST) }));
  }, [items]);
  return (
    <div className="callboard-hidden" role="log" aria-live="polite" aria-relevant="additions">
      {said.messages.map(({ key, own, senderName, senderId, content }) => (
        <p key={`${said.turn} ${key}`}>
          {own ? labels.notSent : (senderName ?? senderId)}: {content}
        </p>
      ))}
    </div>
  );
}

/** The newest message that the server has, and which ones have failed. */
function known(items: readonly ChatMessage[]) {
  const failed = items.filter(({ status }) => status === 'failed').map(({ key }) => key);
  return { newest: items.findLast(({ seq }) => seq !== undefined)?.seq ?? 0, failed: new Set(failed) };
}
