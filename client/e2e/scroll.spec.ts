// Long conversations: where they open, what stays in place, and how smoothly they scroll.

import type { Locator, Page } from '@playwright/test';
import type { Api } from './support/api.js';
import { chat, expect, test } from './support/test.js';

/** Sends `count` messages, a few at a time: their order is theirs. */
async function fill(api: Api, userId: string, id: string, count: number) {
  let next = 0;
  const sender = async () => {
    while (next < count) {
      const n = next++;
      await api.send(userId, id, `Message ${n} ${'which is longer than others '.repeat(n % 7)}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, sender));
}

const atBottom = (list: Locator) =>
  list.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2);

/** Where a message is on the screen. */
const top = (page: Page, text: string) =>
  chat(page)
    .getByText(text, { exact: true })
    .evaluate((element) => element.getBoundingClientRect().top);

test('it opens at the new messages, and is read at the bottom', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  await fill(api, 'bob', id, 30);
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

test('it stays at the bottom when its size changes', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  await fill(api, 'bob', id, 60);
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

test('older pages come in above without moving what one reads', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice']);
  await fill(api, 'bob', id, 160);
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
  const text = (await chat(page).locator('.callboard-text').nth(2).textContent()) ?? '';
  await expect.poll(() => chat(page).evaluate((element) => element.scrollTop)).toBe(0);
  const before = await top(page, text);
  const height = await chat(page).evaluate((element) => element.scrollHeight);
  release();
  await expect.poll(() => chat(page).evaluate((element) => element.scrollHeight)).toBeGreaterThan(height + 500);
  await expect.poll(async () => Math.abs((await top(page, text)) - before)).toBeLessThan(24);
});

test('ten thousand messages scroll smoothly', async ({ api, person }, { annotations }) => {
  test.setTimeout(180_000);
  const id = await api.conversation(['bob', 'alice']);
  await fill(api, 'bob', id, 10_000);
  await api.read('alice', id);
  const page = await (await person('alice')).tab({ open: id });
  await expect.poll(() => atBottom(chat(page))).toBe(true);

  const begun = Date.now();
  const { frames, rows, nodes, loaded } = await chat(page).evaluate(scrollToTheTop);
  frames.sort((a, b) => a - b);
  const at = (part: number) => Math.round((frames[Math.floor(frames.length * part)] ?? 0) * 10) / 10;
  const numbers = {
    frames: frames.length,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    rows,
    nodes,
    loaded,
    seconds: (Date.now() - begun) / 1000,
  };
  annotations.push({ type: 'frames', description: JSON.stringify(numbers) });
  console.log('ten thousand messages:', JSON.stringify(numbers));

  await expect(chat(page).getByText('Message 0', { exact: false }).first()).toBeAttached();
  expect(rows).toBeLessThan(150);
  expect(nodes).toBeLessThan(4_000);
  // Headless, in software, beside a server and another test: a bound for accidents, not a measurement.
  expect(numbers.p50).toBeLessThan(100);
});

/** Scrolls up, frame by frame, until there is nothing older. In the page. */
async function scrollToTheTop(list: Element) {
  const frames: number[] = [];
  let [rows, nodes, still] = [0, 0, 0];
  let last = performance.now();
  // At the top, with nothing older to come, for long enough to be sure.
  while (still < 20) {
    const now = await new Promise<number>((painted) => requestAnimationFrame(painted));
    frames.push(now - last);
    last = now;
    still = list.scrollTop === 0 && !list.querySelector('.callboard-spinner') ? still + 1 : 0;
    list.dispatchEvent(new Event('wheel'));
    list.scrollTop -= 1_000;
    if (frames.length % 20 === 0) {
      rows = Math.max(rows, list.querySelectorAll('li').length);
      nodes = Math.max(nodes, document.querySelectorAll('*').length);
    }
  }
  return { frames, rows, nodes, loaded: list.scrollHeight };
}
