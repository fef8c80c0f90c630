import { useCallback, useEffect, useRef, useState } from 'react';

/** From the bottom, in pixels, it still counts as being there. */
export const BOTTOM = 48;

/** What one scrolls with. */
const INPUTS = ['wheel', 'touchmove', 'keydown', 'pointerdown'] as const;

/** For so long, in milliseconds, a scroll may follow from what a hand did. */
const INTENT = 400;

/**
 * Whether a list is at its bottom, and keeps it there when its rows or its own size change: text flows anew, a row gets
 * buttons. Only scrolling by hand takes it away from there, or by a scroll bar, the browser's search or a screen reader,
 * which say nothing of it: Virtuoso scrolls too, when a row is not as high as it guessed. While nobody can see it, it stays
 * where it is.
 */
export function useStick(startsAtBottom: boolean) {
  const [position, setPosition] = useState<Position>('unsettled');
  const watched = useRef<Watch>(undefined);
  const attach = useCallback(
    (element: HTMLElement | Window | null) => {
      watched.current?.end();
      watched.current = element instanceof HTMLElement ? watch(element, startsAtBottom, setPosition) : undefined;
    },
    [startsAtBottom],
  );
  const toBottom = useCallback(() => watched.current?.toBottom(), []);
  const leave = useCallback(() => watched.current?.leave(), []);
  const comeBack = useCallback(() => watched.current?.comeBack(), []);
  useEffect(() => () => watched.current?.end(), []);
  return { position, attach, toBottom, leave, comeBack };
}

interface Watch {
  toBottom(): void;
  /** Nobody can see the list any more. */
  leave(): void;
  /** Somebody can, and it has been scrolled to where they begin. */
  comeBack(): void;
  end(): void;
}

/** Where a list stands; `unsettled` before it is where it begins, `left` where it was at the bottom when it was last seen. */
export type Position = 'unsettled' | 'bottom' | 'above' | 'left';

function watch(
  scroller: HTMLElement,
  startsAtBottom: boolean,
  changed: (position: Position) => void,
): Watch | undefined {
  const list = scroller.querySelector('ul');
  if (!list) return undefined;
  let position: Position = 'unsettled';
  let touched = -INTENT;
  let frame = 0;
  let seen = { top: 0, height: 0, room: 0 };

  const stands = () => position === 'bottom' || position === 'above';
  const near = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= BOTTOM;
  const arrive = (at: Position) => {
    position = at;
    changed(at);
  };
  const stick = () => {
    if (position === 'above' && near()) arrive('bottom');
    if (position === 'bottom') scroller.scrollTop = scroller.scrollHeight;
  };
  // Virtuoso measures rows a frame after it has rendered them. To scroll earlier could take a row away before that, and
  // bring it back with the same wrong height for ever.
  const onceMeasured = (then: () => void) => {
    frame = requestAnimationFrame(() => {
      frame = requestAnimationFrame(() => {
        frame = 0;
        then();
      });
    });
  };
  const stickSoon = () => {
    if (stands() && frame === 0) onceMeasured(stick);
  };
  // Virtuoso hides the rows until they are where the list begins; before that, a position means nothing.
  const settle = () => {
    if (list.childElementCount > 0 && getComputedStyle(list).visibility !== 'hidden') {
      frame = 0;
      arrive(startsAtBottom ? 'bottom' : 'above');
      stick();
    } else frame = requestAnimationFrame(settle);
  };
  const look = () => ({ top: scroller.scrollTop, height: scroller.scrollHeight, room: scroller.clientHeight });
  const scrolled = () => {
    const before = seen;
    seen = look();
    if (!stands()) return;
    // Virtuoso goes up only for rows that have become smaller, perhaps in several steps.
    const settled = frame === 0 && seen.height === before.height && seen.room === before.room;
    const wanted = settled && seen.top < before.top;
    if (wanted || performance.now() - touched < INTENT) arrive(near() ? 'bottom' : 'above');
    else stickSoon();
  };
  const touch = () => {
    touched = performance.now();
  };
  const observer = new ResizeObserver(stickSoon);

  settle();
  scroller.addEventListener('scroll', scrolled, { passive: true });
  for (const name of INPUTS) scroller.addEventListener(name, touch, { passive: true });
  observer.observe(scroller);
  // Virtuoso stands in for rows that are not rendered by padding.
  observer.observe(list, { box: 'border-box' });
  return {
    toBottom() {
      // Whatever a hand did before, it wants to be at the bottom now.
      touched = -INTENT;
      arrive('bottom');
      stick();
    },
    leave() {
      if (position === 'bottom') arrive('left');
    },
    comeBack() {
      cancelAnimationFrame(frame);
      onceMeasured(() => {
        if (position === 'left') arrive(near() ? 'bottom' : 'above');
        stick();
      });
    },
    end() {
      cancelAnimationFrame(frame);
      scroller.removeEventListener('scroll', scrolled);
      for (const name of INPUTS) scroller.removeEventListener(name, touch);
      observer.disconnect();
    },
  };
}
