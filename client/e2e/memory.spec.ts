// Components that come and go leave nothing behind.

import type { CDPSession, Page } from '@playwright/test';
import { chat, expect, test } from './support/test.js';

/** What lives in the page after its garbage is gone. */
async function measure(cdp: CDPSession) {
  // Two rounds: what the first one frees may hold more.
  for (let round = 0; round < 2; round++) await cdp.send('HeapProfiler.collectGarbage');
  const { metrics } = await cdp.send('Performance.getMetrics');
  const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  return { heap: of('JSHeapUsedSize'), nodes: of('Nodes'), listeners: of('JSEventListeners') };
}

/** Opens and closes the conversation, `count` times; each opening mounts the whole conversation. In the page. */
async function openAndClose(page: Page, id: string, count: number) {
  await page.evaluate(
    async ([hash, times]) => {
      const rendered = (open: boolean) =>
        new Promise<void>((done) => {
          const check = () =>
            (document.querySelector('.callboard-message') !== null) === open ? done() : requestAnimationFrame(check);
          check();
        });
      for (let n = 0; n < times; n++) {
        location.hash = hash;
        await rendered(true);
        location.hash = '#/';
        await rendered(false);
      }
    },
    [`#/c/${id}`, count] as const,
  );
}

/** CYCLES=1000 takes five minutes. */
const CYCLES = Number(process.env.CYCLES ?? 50);

test('what was opened and closed again leaves nothing behind', async ({ api, person }, { annotations }) => {
  test.setTimeout(60_000 + CYCLES * 2_000);
  const id = await api.conversation(['alice', 'bob']);
  for (let n = 0; n < 10; n++) await api.send('bob', id, `Message ${n}`);
  const page = await (await person('alice')).tab({ open: id });
  await expect(chat(page).getByText('Message 9')).toBeVisible();
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Performance.enable');
  // What the engine keeps compiled grows for some hundred rounds.
  await openAndClose(page, id, CYCLES);
  const before = await measure(cdp);
  await openAndClose(page, id, CYCLES);
  const after = await measure(cdp);

  annotations.push({ type: 'memory', description: JSON.stringify({ before, after }) });
  console.log(`${CYCLES} mounts and unmounts:`, JSON.stringify({ before, after }));
  expect(after.heap - before.heap).toBeLessThan(1_000_000);
  expect(after.nodes - before.nodes).toBeLessThan(200);
  expect(after.listeners - before.listeners).toBeLessThan(20);
});
