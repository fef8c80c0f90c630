// Components that come and go leave nothing behind. The heap is measured where there is `gc` (node --expose-gc).

import { Callboard } from '@callboard/client';
import { cleanup, render } from '@testing-library/react';
import { VirtuosoMockContext } from 'react-virtuoso';
import { expect, test } from 'vitest';
import { ConnectionStatus, Conversation, ConversationsList, MessagingProvider } from '../src/index.js';

const gc = (globalThis as { gc?: () => void }).gc;

test('a thousand mounts and unmounts', async () => {
  const client = new Callboard({
    url: 'http://127.0.0.1:9',
    userId: 'alice',
    getToken: () => 'token',
    storage: 'memory',
  });
  client.conversation('c1').send('Hello');
  const listeners = countListeners();
  const cycles = (count: number) => {
    for (let n = 0; n < count; n++) {
      render(
        <VirtuosoMockContext.Provider value={{ viewportHeight: 600, itemHeight: 40 }}>
          <MessagingProvider client={client}>
            <ConnectionStatus />
            <ConversationsList onSelect={() => undefined} />
            <Conversation conversationId="c1" />
          </MessagingProvider>
        </VirtuosoMockContext.Provider>,
      );
      cleanup();
    }
  };
  // What is made once, and compiled.
  cycles(100);
  const before = { listeners: listeners.count(), heap: await heap() };
  cycles(1_000);
  const after = { listeners: listeners.count(), heap: await heap() };
  client.close();
  listeners.restore();

  console.log('1,000 mounts and unmounts:', JSON.stringify({ before, after }));
  expect(after.listeners).toBe(before.listeners);
  if (gc) expect(after.heap - before.heap).toBeLessThan(2_000_000);
}, 120_000);

/** In bytes, after the garbage is gone. */
async function heap(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await new Promise((later) => setTimeout(later, 50));
    gc?.();
  }
  return process.memoryUsage().heapUsed;
}

/** How many listeners the window and the document have. Not spies, which would keep every listener. */
function countListeners() {
  let count = 0;
  const restore = [window, document].map((target: EventTarget) => {
    const { addEventListener, removeEventListener } = target;
    target.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      count += 1;
      addEventListener.apply(target, args);
    };
    target.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      count -= 1;
      removeEventListener.apply(target, args);
    };
    return () => Object.assign(target, { addEventListener, removeEventListener });
  });
  return { count: () => count, restore: () => restore.forEach((undo) => void undo()) };
}
