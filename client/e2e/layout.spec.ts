// Nothing sticks out: on a small screen, which is also what 400 % makes of a large one.

import type { Page } from '@playwright/test';
import { chat, expect, test } from './support/test.js';

/** How far the page, or an element of it, goes beyond the screen. */
const beyond = (page: Page) =>
  page.evaluate(() => {
    const { clientWidth, scrollHeight } = document.documentElement;
    const rights = [...document.querySelectorAll('body *')].map((element) => element.getBoundingClientRect().right);
    return { right: Math.max(...rights, clientWidth) - clientWidth, below: scrollHeight - innerHeight };
  });

test('long names and many conversations stay inside', async ({ api, person }) => {
  const long = 'x'.repeat(120);
  for (let n = 0; n < 30; n++) await api.send('bob', await api.conversation(['bob', 'alice'], `Scene ${n}`), 'Hello');
  const id = await api.conversation(['alice', long, 'bob'], 'T'.repeat(200));
  await api.send(long, id, 'Y'.repeat(8_000));
  await api.read('alice', id);
  const alice = await person('alice', { viewport: { width: 320, height: 256 } });
  const inside = (page: Page) => expect.poll(() => beyond(page)).toEqual({ right: 0, below: 0 });

  const list = await alice.tab({ query: { name: 'N'.repeat(60) } });
  await expect(list.getByRole('button', { name: /Scene 29/ })).toBeVisible();
  await inside(list);
  await list.getByRole('button', { name: 'New', exact: true }).click();
  await list.getByLabel('With whom?').fill(long);
  await list.getByLabel('With whom?').press('Enter');
  await inside(list);

  const page = await alice.tab({ open: id });
  await expect(chat(page).getByText('YYY')).toBeVisible();
  await inside(page);
  await page.getByRole('button', { name: 'People and settings' }).click();
  await expect(page.getByRole('button', { name: 'Close' })).toBeFocused();
  await inside(page);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('button', { name: 'People and settings' })).toBeFocused();

  const nobody = await (await person('', { viewport: { width: 320, height: 256 } })).tab();
  await expect(nobody.getByRole('button', { name: 'Carol' })).toBeVisible();
  expect((await beyond(nobody)).right).toBe(0);
});

test('a connection that stands in a moment takes no room', async ({ person }) => {
  const { context, url } = await person('alice');
  // It never stands.
  await context.route('**/dev/token', () => undefined);
  const page = await context.newPage();
  await page.goto(`${url}/?user=alice`);
  const heightAfter = (time: number) =>
    page.locator('.callboard-status[data-state="connecting"]').evaluate((banner: HTMLElement, at) => {
      banner.style.animationName = 'none';
      banner.getBoundingClientRect();
      banner.style.animationName = '';
      for (const animation of banner.getAnimations()) {
        animation.pause();
        animation.currentTime = at;
      }
      return banner.offsetHeight;
    }, time);
  expect(await heightAfter(900)).toBe(0);
  expect(await heightAfter(1_200)).toBeGreaterThan(20);
});
