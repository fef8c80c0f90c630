import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Cross } from './icons.js';
import { touched } from './touched.js';

/**
 * A modal dialog, which begins with its first field. Escape and a click beside it close it; the browser keeps the keyboard
 * inside.
 */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    dialog.showModal();
    if (!touched()) dialog.querySelector('input')?.focus();
    // A text that is selected beyond the edge ends beside the dialog, but has not begun there.
    let pressed: EventTarget | null = null;
    const began = (event: MouseEvent) => {
      pressed = event.target;
    };
    const clicked = (event: MouseEvent) => event.target === dialog && pressed === dialog && dialog.close();
    dialog.addEventListener('mousedown', began);
    dialog.addEventListener('click', clicked);
    return () => {
      dialog.removeEventListener('mousedown', began);
      dialog.removeEventListener('click', clicked);
    };
  }, []);
  return (
    <dialog ref={element} className="dialog" aria-labelledby={heading} onClose={onClose}>
      <div className="dialog-body">
        <header>
          <h2 id={heading}>{title}</h2>
          <button type="button" className="icon-button" aria-label="Close" onClick={() => element.current?.close()}>
            <Cross />
          </button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
