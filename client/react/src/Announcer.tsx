import type { ChatMessage } from '@callboard/client';
import { useEffect, useRef, useState } from 'react';

/** So many at once are read out; who gets more looks for themselves. */
const MOST = 3;

/**
 * Reads others' new messages out. The list itself cannot: rows come and go as it is scrolled, and a screen reader would
 * say each of them.
 */
export function Announcer({ items }: { items: readonly ChatMessage[] }) {
  const [said, setSaid] = useState<readonly ChatMessage[]>([]);
  const heard = useRef(newestSeq(items));
  useEffect(() => {
    const after = heard.current;
    heard.current = Math.max(after, newestSeq(items));
    const fresh = items.slice(-MOST).filter(({ own, seq }) => !own && seq !== undefined && seq > after);
    if (fresh.length > 0) setSaid(fresh);
  }, [items]);
  return (
    <div className="callboard-hidden" role="log" aria-live="polite" aria-relevant="additions">
      {said.map(({ key, senderName, senderId, content }) => (
        <p key={key}>
          {senderName ?? senderId}: {content}
        </p>
      ))}
    </div>
  );
}

function newestSeq(items: readonly ChatMessage[]): number {
  return items.findLast(({ seq }) => seq !== undefined)?.seq ?? 0;
}
