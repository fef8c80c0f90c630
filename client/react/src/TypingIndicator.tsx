import { useTyping } from './hooks.js';
import { useLabels } from './provider.js';

/** The properties of `TypingIndicator`. */
export interface TypingIndicatorProps {
  conversationId: string;
}

/** A line that says who is typing. It takes its place at all times, so that nothing moves. */
export function TypingIndicator({ conversationId }: TypingIndicatorProps) {
  const labels = useLabels();
  const typists = useTyping(conversationId);
  return (
    <div className="callboard-typing">
      {typists.length > 0 && (
        <>
          <span className="callboard-dots" aria-hidden="true">
            <i />
            <i />
            <i />
          </span>
          {labels.typing(typists.map(({ userId, userName }) => userName ?? userId))}
        </>
      )}
    </div>
  );
}
