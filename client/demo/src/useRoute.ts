import { useSyncExternalStore } from 'react';

const PREFIX = '#/c/';

function subscribe(listener: () => void) {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

/** The conversation that the address names: so a reload opens it again, and the browser's back button closes it. */
export function useRoute(): string | undefined {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return (hash.startsWith(PREFIX) && hash.slice(PREFIX.length)) || undefined;
}

export function goTo(conversationId: string | undefined) {
  location.hash = conversationId ? PREFIX + conversationId : '#/';
}
