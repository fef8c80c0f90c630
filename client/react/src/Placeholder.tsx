import type { ReactNode } from 'react';

/** What is shown where there is nothing. */
export function Empty({
  icon,
  title,
  hint,
  children,
}: {
  icon: ReactNode;
  title: string;
  hint?: string;
  children?: ReactNode;
}) {
  return (
    <div className="callboard-empty">
      <span className="callboard-empty-icon">{icon}</span>
      <p className="callboard-empty-title">{title}</p>
      {hint && <p className="callboard-empty-hint">{hint}</p>}
      {children}
    </div>
  );
}

const LINES = [62, 38, 74, 46, 68, 54];

/** The shape of conversations that are being loaded. */
export function ConversationsSkeleton() {
  return (
    <div className="callboard-skeleton" aria-hidden="true">
      {LINES.map((width) => (
        <div key={width} className="callboard-skeleton-row">
          <span className="callboard-shimmer callboard-skeleton-avatar" />
          <span className="callboard-skeleton-lines">
            <span className="callboard-shimmer" style={{ width: `${width}%` }} />
            <span className="callboard-shimmer" style={{ width: `${120 - width}%` }} />
          </span>
        </div>
      ))}
    </div>
  );
}

/** The shape of messages that are being loaded. */
export function MessagesSkeleton() {
  return (
    <div className="callboard-skeleton callboard-skeleton-messages" aria-hidden="true">
      {LINES.map((width, index) => (
        <span
          key={width}
          className="callboard-shimmer callboard-skeleton-bubble"
          data-own={index % 3 === 2 || undefined}
          style={{ width: `${width}%` }}
        />
      ))}
    </div>
  );
}
