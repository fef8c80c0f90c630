import { type ReactNode, useEffect, useId, useRef } from 'react';
import { Cross } from './icons.js';

/** A modal dialog. Escape and a click beside it close it; the browser keeps the keyboard inside. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    if (!dialog) return;
    dialog.showModal();
    const clicked = (event: MouseEvent) => event.target === dialog && dialog.close();
    dialog.addEventListener('click', clicked);
    return () => dialog.removeEventListener('click', clicked);
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
