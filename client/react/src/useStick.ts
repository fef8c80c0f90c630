import { useCallback, useEffect, useRef, useState } from 'react';

/** From the bottom, in pixels, it still counts as being there. */
export const BOTTOM = 48;

/**
 * Whether a list is at its bottom, and keeps it there when its rows or its own size change: text flows anew, a row gets
 * buttons. Only scrolling takes it away from there, by whoever reads.
 */
export function useStick() {
  const [atBottom, setAtBottom] = useState(false);
  const stuck = useRef(false);
  const detach = useRef<() => void>(undefined);

  const arrived = useCallback((there: boolean) => {
    stuck.current = there;
    setAtBottom(there);
  }, []);

  const attach = useCallback(
    (element: HTMLElement | Window | null) => {
      detach.current?.();
      detach.current = element instanceof HTMLElement ? watch(element, stuck, arrived) : undefined;
    },
    [arrived],
  );
  useEffect(() => () => detach.current?.(), []);

  return { atBottom, attach, arrived };
}

function watch(scroller: HTMLElement, stuck: { readonly current: boolean }, arrived: (there: boolean) => void) {
  let [height, room] = [scroller.scrollHeight, scroller.clientHeight];
  const scrolled = () => {
    const resized = height !== scroller.scrollHeight || room !== scroller.clientHeight;
    [height, room] = [scroller.scrollHeight, scroller.clientHeight];
    if (height - scroller.scrollTop - room <= BOTTOM) arrived(true);
    else if (!resized) arrived(false);
  };
  const observer = new ResizeObserver(() => {
    if (stuck.current) scroller.scrollTop = scroller.scrollHeight;
  });
  scroller.addEventListener('scroll', scrolled, { passive: true });
  observer.observe(scroller);
  const list = scroller.querySelector('ul');
  if (list) observer.observe(list);
  return () => {
    scroller.removeEventListener('scroll', scrolled);
    observer.disconnect();
  };
}
