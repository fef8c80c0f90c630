// Long conversations: where they open, and what stays in place.

import type { Locator, Page } from '@playwright/test';
import { atBottom, chat, expect, test, write } from './support/test.js';

/** Where a message is on the screen. */
const top = (page: Page, text: string) =>
  chat(page)
    .getByText(text, { exact: true })
    .evaluate((element) => element.getBoundingClientRect().top);

/** Returns when a list has not moved or grown for ten frames: what it does by itself takes two. */
const still = (list: Locator) =>
  list.evaluate(async (element) => {
    let [before, frames] = ['', 0];
    while (frames < 10) {
      await new Promise(requestAnimationFrame);
      const now = `${element.scrollTop} of ${element.scrollHeight}`;
      frames = now === before ? frames + 1 : 0;
      before = now;
    }
  });

test('a conversation opened again begins where it is new now', async ({ api, person }) => {
  const [id, other] = [
    await api.conversation(['bob', 'alice'], 'Casting'),
    await api.conversation(['bob', 'alice'], 'Lights'),
  ];
  for (let n = 0; n < 40; n++) await api.send('bob', id, `Old ${n}`);
  const page = await (await person('alice')).tab({ open: id });
  await expect(chat(page).getByText('Old 0', { exact: true })).toBeInViewport();
  await page.getByRole('button', { name: 'Jump to 40 new messages' }).click();
  await expect(page.getByRole('button', { name: /Casting/ })).not.toContainText('unread');
  await page.getByRole('button', { name: /Lights/ }).click();
  await expect(page.getByText('Say hello!')).toBeVisible();

  await page.getByRole('button', { name: /Casting/ }).click();
  await expect(chat(page).getByText('Old 39', { exact: true })).toBeInViewport();
  await expect(chat(page).getByText('New messages')).toHaveCount(0);
  await page.goto(`${page.url().split('#')[0]}#/c/${other}`);
  await expect(page.getByText('Say hello!')).toBeVisible();
  for (let n = 0; n < 40; n++) await api.send('bob', id, `New ${n}`);
  await expect(page.getByRole('button', { name: /Casting/ })).toContainText('40 unread');
  await page.getByRole('button', { name: /Casting/ }).click();
  await expect(chat(page).getByText('New 0', { exact: true })).toBeInViewport();
  await expect(page.getByRole('button', { name: /Casting/ })).toContainText('40 unread');
});

test('it opens at the new messages, and is read at the bottom', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  await api.fill('bob', id, 30);
  await api.read('alice', id);
  for (let n = 0; n < 40; n++) await api.send('bob', id, `New ${n}`);

  const page = await (await person('alice')).tab({ open: id });
  await expect(chat(page).getByText('New messages')).toBeInViewport();
  await expect(chat(page).getByText('New 0', { exact: true })).toBeInViewport();
  await expect(page.getByRole('button', { name: /Casting/ })).toContainText('40 unread');

  await page.getByRole('button', { name: 'Jump to 40 new messages' }).click();
  await expect(chat(page).getByText('New 39', { exact: true })).toBeInViewport();
  await expect(page.getByRole('button', { name: /Casting/ })).not.toContainText('unread');
  await expect(page.getByRole('button', { name: /Jump/ })).toBeHidden();

  // At the bottom it follows; further up it does not, and counts.
  await api.send('bob', id, 'Followed');
  await expect(chat(page).getByText('Followed')).toBeInViewport();
  await chat(page).hover();
  await page.mouse.wheel(0, -600);
  await expect(page.getByRole('button', { name: 'Jump to the latest message' })).toBeVisible();
  await api.send('bob', id, 'Not followed');
  await expect(page.getByRole('button', { name: 'Jump to 1 new message' })).toBeVisible();
  await expect(page.getByRole('button', { name: /Casting/ })).toContainText('1 unread');
  // What one writes oneself, one sees.
  await page.getByLabel('Write a message').fill('My own');
  await page.keyboard.press('Enter');
  await expect(chat(page).getByText('My own')).toBeInViewport();
});

test('with more new messages than a page it opens above them, and nothing is read unseen', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  await api.fill('bob', id, 30);
  await api.read('alice', id);
  for (let n = 0; n < 150; n++) await api.send('bob', id, `New ${n}`);
  const page = await (await person('alice')).tab({ open: id });
  await expect(chat(page).getByText('New 50', { exact: true })).toBeInViewport();
  await expect(page.getByRole('button', { name: /Casting/ })).toContainText(/(150|99\+) unread/);
  await chat(page).hover();
  await expect(async () => {
    await page.mouse.wheel(0, -600);
    await expect(chat(page).getByText('New messages')).toBeInViewport({ timeout: 200 });
  }).toPass();
  await page.getByRole('button', { name: 'Jump to 150 new messages' }).click();
  await expect(chat(page).getByText('New 149', { exact: true })).toBeInViewport();
  await expect(page.getByRole('button', { name: /Casting/ })).not.toContainText('unread');
});

/** Nobody can see the page any more, or somebody can again: a browser without a screen does not know. */
const show = (page: Page, state: DocumentVisibilityState) =>
  page.evaluate((value) => {
    Object.defineProperty(document, 'visibilityState', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);

test('who comes back to the page finds what came meanwhile, and has not read it', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  await api.fill('bob', id, 30);
  await api.read('alice', id);
  const page = await (await person('alice')).tab({ open: id });
  const casting = page.getByRole('button', { name: /Casting/ });
  await expect.poll(() => atBottom(chat(page))).toBe(true);
  await still(chat(page));

  // What fits on the screen is seen.
  await show(page, 'hidden');
  await api.send('bob', id, 'One');
  await api.send('bob', id, 'Two');
  await expect(casting).toContainText('2 unread');
  await show(page, 'visible');
  await expect(casting).not.toContainText('unread');
  await expect(chat(page).getByText('New messages')).toBeInViewport();
  expect(await atBottom(chat(page))).toBe(true);

  await show(page, 'hidden');
  for (let n = 0; n < 20; n++) await api.send('bob', id, `Missed ${n}\n\n\nand more of it`);
  await expect(casting).toContainText('20 unread');
  await still(chat(page));
  await expect(chat(page).getByText('Two', { exact: true })).toBeInViewport();
  await show(page, 'visible');
  await still(chat(page));
  await expect(chat(page).getByText('New messages')).toBeInViewport();
  await expect(chat(page).getByText('Missed 0')).toBeInViewport();
  await expect(chat(page).getByText('Missed 3')).toBeInViewport();
  await expect(casting).toContainText('20 unread');
  await page.getByRole('button', { name: 'Jump to 20 new messages' }).click();
  await expect(chat(page).getByText('Missed 19')).toBeInViewport();
  await expect(casting).not.toContainText('unread');

  // Nothing came: it goes on at the bottom.
  await show(page, 'hidden');
  await show(page, 'visible');
  await api.send('bob', id, 'Followed');
  await expect(chat(page).getByText('Followed')).toBeInViewport();
  await expect(casting).not.toContainText('unread');
});

test('who reads on in one window is left there by what is sent from another', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  await api.fill('bob', id, 60);
  await api.read('alice', id);
  const alice = await person('alice');
  const [page, other] = [await alice.tab({ open: id }), await alice.tab({ open: id })];
  // Playwright lets each page believe that it has the keyboard.
  await page.evaluate(() => Object.defineProperty(document, 'hasFocus', { value: () => false }));
  await expect.poll(() => atBottom(chat(page))).toBe(true);
  await still(chat(page));
  await chat(page).evaluate((element) => element.scrollBy(0, -900));
  await expect(page.getByRole('button', { name: 'Jump to the latest message' })).toBeVisible();
  await write(other, 'From the other window');
  await expect(chat(other).getByText('From the other window')).toBeInViewport();
  await expect(page.getByRole('button', { name: /Casting/ })).toContainText('From the other window');
  await still(chat(page));
  await expect(chat(page).getByText('From the other window')).not.toBeInViewport();
  await expect(page.getByRole('button', { name: 'Jump to the latest message' })).toBeVisible();
});

test('it stays at the bottom when its size changes', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  await api.fill('bob', id, 60);
  await api.read('alice', id);
  const page = await (await person('alice')).tab({ open: id });
  await expect.poll(() => atBottom(chat(page))).toBe(true);
  await page.getByRole('button', { name: 'People and settings' }).click();
  await expect(page.getByRole('heading', { name: 'Group' })).toBeVisible();
  await expect.poll(() => atBottom(chat(page))).toBe(true);
  await page.setViewportSize({ width: 500, height: 500 });
  await expect.poll(() => atBottom(chat(page))).toBe(true);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.getByLabel('Write a message').fill('a\nb\nc\nd\ne');
  await expect.poll(() => atBottom(chat(page))).toBe(true);
});

test('it goes wherever one scrolls without a wheel or a key', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  await api.fill('bob', id, 60);
  await api.read('alice', id);
  const page = await (await person('alice')).tab({ open: id });
  await expect.poll(() => atBottom(chat(page))).toBe(true);
  await still(chat(page));
  // As a screen reader does.
  await chat(page).evaluate((element) => element.scrollBy(0, -300));
  await expect(page.getByRole('button', { name: 'Jump to the latest message' })).toBeVisible();
  await still(chat(page));
  expect(await atBottom(chat(page))).toBe(false);
  // Rows that were measured meanwhile may have made the way back longer.
  await chat(page).evaluate((element) => element.scrollTo(0, element.scrollHeight));
  await expect(page.getByRole('button', { name: 'Jump to the latest message' })).toBeHidden();
});

test('older pages come in above without moving what one reads', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice']);
  await api.fill('bob', id, 160);
  await api.read('alice', id);
  const page = await (await person('alice')).tab({ open: id });
  await expect.poll(() => atBottom(chat(page))).toBe(true);

  // The answer with the older page waits until the place of a message has been noted.
  let release = () => {};
  const noted = new Promise<void>((done) => (release = done));
  await page.route('**/messages?*before=*', async (route) => {
    await noted;
    await route.continue();
  });
  const asked = page.waitForRequest('**/messages?*before=*');
  await chat(page).hover();
  while ((await chat(page).evaluate((element) => element.scrollTop)) > 0) await page.mouse.wheel(0, -300);
  await asked;
  await expect.poll(() => chat(page).evaluate((element) => element.scrollTop)).toBe(0);
  await still(chat(page));
  const text = (await chat(page).locator('.callboard-text').nth(2).textContent()) ?? '';
  const before = await top(page, text);
  const height = await chat(page).evaluate((element) => element.scrollHeight);
  release();
  await expect.poll(() => chat(page).evaluate((element) => element.scrollHeight)).toBeGreaterThan(height + 500);
  await expect.poll(async () => Math.abs((await top(page, text)) - before)).toBeLessThan(24);
});
