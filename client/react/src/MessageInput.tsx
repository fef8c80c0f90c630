import type { ConversationHandle } from '@callboard/client';
import { type FormEvent, type KeyboardEvent, useEffect, useId, useLayoutEffect, useRef, useState } from 'react';
import { useConversation } from './hooks.js';
import { ArrowUp } from './icons.js';
import { useLabels } from './provider.js';

/** The properties of `MessageInput`. */
export interface MessageInputProps {
  conversationId: string;
  /** Takes the keyboard when the conversation is opened. */
  autoFocus?: boolean;
}

/** The server takes no longer messages (in Unicode characters). */
const LONGEST = 8_000;

/** How many characters before the end are counted aloud. */
const WARNING = 200;

/** What was written and not sent, for when the conversation is opened again. */
const drafts = new WeakMap<ConversationHandle, string>();

/** On a touch screen's keyboard there is no Shift+Enter. */
const touches = () => globalThis.matchMedia?.('(hover: none) and (pointer: coarse)').matches ?? false;

/** Where messages are written. Enter sends, Shift+Enter begins a new line; on touch screens Enter does, and the button sends. */
export function MessageInput(props: MessageInputProps) {
  const { handle } = useConversation(props.conversationId);
  return <Input key={props.conversationId} handle={handle} autoFocus={props.autoFocus ?? false} />;
}

function Input({ handle, autoFocus }: { handle: ConversationHandle; autoFocus: boolean }) {
  const labels = useLabels();
  const counter = useId();
  const field = useRef<HTMLTextAreaElement>(null);
  const [touch] = useState(touches);
  const [text, setText] = useState(() => drafts.get(handle) ?? '');
  const left = LONGEST - lengthOf(text);
  const sendable = text.trim() !== '' && left >= 0;

  useLayoutEffect(() => grow(field.current, text), [text]);
  useEffect(() => {
    if (autoFocus) field.current?.focus({ preventScroll: true });
  }, [autoFocus]);

  const write = (to: string) => {
    setText(to);
    drafts.set(handle, to);
  };
  const typed = (to: string) => {
    write(to);
    if (to === '') handle.setTyping(false);
    else handle.typed();
  };
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!sendable) return;
    handle.send(text.trim());
    write('');
    field.current?.focus();
  };
  const pressed = (event: KeyboardEvent) => {
    // While an input method is composing, Enter chooses what it offers; Safari says so by the key code alone.
    const composing = event.nativeEvent.isComposing || event.keyCode === 229;
    if (event.key === 'Enter' && !event.shiftKey && !composing && !touch) send(event);
  };

  return (
    <form className="callboard-input" onSubmit={send}>
      <textarea
        ref={field}
        rows={1}
        value={text}
        placeholder={labels.writeMessage}
        aria-label={labels.writeMessage}
        aria-describedby={left < WARNING ? counter : undefined}
        aria-invalid={left < 0 || undefined}
        enterKeyHint={touch ? 'enter' : 'send'}
        dir="auto"
        onChange={(event) => typed(event.target.value)}
        onKeyDown={pressed}
      />
      {left < WARNING && (
        <span id={counter} className="callboard-counter" data-over={left < 0 || undefined}>
          {labels.charactersLeft(left)}
        </span>
      )}
      <button type="submit" className="callboard-send" aria-label={labels.send} disabled={!sendable}>
        <ArrowUp />
      </button>
    </form>
  );
}

/** As the server counts: surrogate pairs are one. Counted only where it may matter. */
function lengthOf(text: string): number {
  return text.length < LONGEST - WARNING ? text.length : Array.from(text).length;
}

/** Makes the field as high as its text; the style sheet bounds it. */
function grow(field: HTMLTextAreaElement | null, text: string) {
  if (!field) return;
  field.style.height = 'auto';
  if (text !== '') field.style.height = `${field.scrollHeight}px`;
}
