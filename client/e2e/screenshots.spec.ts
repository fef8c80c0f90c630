// Pictures of the page, for looking at: SCREENSHOTS=1 npm run e2e -- screenshots. Into docs/images.

import type { Page } from '@playwright/test';
import type { Api } from './support/api.js';
import { atBottom, chat, expect, test } from './support/test.js';

test.skip(!process.env.SCREENSHOTS, 'only when asked for');

const sizes = { desktop: { width: 1280, height: 800 }, mobile: { width: 390, height: 780 } };

/** What people in a theatre talk about. */
async function theatre(api: Api) {
  const quiet = await api.conversation(['carol', 'alice'], 'Lighting plan');
  await api.send('carol', quiet, 'The new plan is in the shared folder.');
  await api.read('alice', quiet);
  const empty = await api.conversation(['alice', 'bob'], 'Premiere party');
  const crew = await api.conversation(['bob', 'alice', 'carol'], 'Stage crew');
  await api.send('bob', crew, 'The truck is here at eight. Who can help to unload?');
  await api.send('carol', crew, 'I can, until ten.');
  await api.send('bob', crew, 'Perfect, thank you!');
  const direct = await api.conversation(['carol', 'alice']);
  await api.send('alice', direct, 'Did the costumes arrive?');
  await api.send('carol', direct, 'All but one. I will call them tomorrow.');
  await api.read('alice', direct);
  const casting = await api.conversation(['alice', 'bob', 'carol'], 'Casting');
  const lines: [string, string][] = [
    ['alice', 'Good morning! The list for Friday is nearly complete.'],
    ['bob', 'Morning. How many do we see?'],
    ['alice', 'Eleven so far, and two who have not answered yet.'],
    ['carol', 'I have spoken to both.'],
    [
      'carol',
      'One can come at three, the other has a rehearsal until half past four. Would it be all right if she is the last? She would have to sing without a warm-up, but she says that she does not mind.',
    ],
    ['alice', 'Of course.'],
    ['bob', 'The pianist needs the notes by Thursday, by the way: https://example.org/casting/notes'],
    ['carol', 'On it 🎶'],
    ['alice', 'Thank you both. See you on Friday at two!'],
  ];
  for (const [userId, content] of lines) {
    await api.send(userId, casting, content);
    for (const reader of ['alice', 'bob', 'carol']) if (reader !== userId) await api.read(reader, casting);
  }
  return { casting, empty };
}

for (const colorScheme of ['light', 'dark'] as const) {
  for (const [size, viewport] of Object.entries(sizes)) {
    test(`${size}, ${colorScheme}`, async ({ api, person }) => {
      const look = { colorScheme, viewport, deviceScaleFactor: 2 };
      const shoot = (page: Page, name: string) =>
        page.screenshot({ path: `${import.meta.dirname}/../../docs/images/${name}-${size}-${colorScheme}.png` });

      const nobody = await (await person('', look)).tab();
      await expect(nobody.getByRole('heading')).toBeVisible();
      await shoot(nobody, 'welcome');

      const { casting, empty } = await theatre(api);
      const alice = await person('alice', look);
      const list = await alice.tab();
      await expect(list.getByRole('button', { name: /Stage crew/ })).toContainText('3 unread');
      await shoot(list, 'list');

      const page = await alice.tab({ open: casting });
      await expect(chat(page).getByText('See you on Friday')).toBeVisible();
      const bob = await (await person('bob')).tab({ open: casting });
      await expect(chat(bob).getByText('See you on Friday')).toBeVisible();
      await bob.getByLabel('Write a message').pressSequentially('I am bringing');
      await expect(page.getByText('Bob is typing')).toBeVisible();
      await shoot(page, 'chat');

      await page.getByRole('button', { name: 'People and settings' }).click();
      await expect(page.getByRole('heading', { name: 'Group' })).toBeVisible();
      await expect.poll(() => atBottom(chat(page))).toBe(true);
      await shoot(page, 'people');
      await page.getByRole('button', { name: 'Close' }).click();

      const none = await alice.tab({ open: empty });
      await expect(none.getByText('Say hello!')).toBeVisible();
      await shoot(none, 'empty');
      if (size === 'desktop') {
        await none.getByRole('button', { name: 'New', exact: true }).click();
        await none.getByLabel('With whom?').fill('bob,');
        await none.getByLabel('With whom?').press('Enter');
        await shoot(none, 'new');
        await none.keyboard.press('Escape');
      }

      // Whichever tab sends, the server refuses.
      await alice.context.route('**/messages/conversations/*/messages', (route) =>
        route.request().method() === 'POST'
          ? route.fulfill({
              status: 403,
              json: { code: 'forbidden', title: 'Forbidden', status: 403, detail: 'You may not write here' },
            })
          : route.continue(),
      );
      await page.getByLabel('Write a message').fill('Shall I bring coffee?');
      await page.keyboard.press('Enter');
      await expect(chat(page).getByText('Not sent')).toBeInViewport();
      await shoot(page, 'failed');

      await alice.context.setOffline(true);
      await expect(page.getByText('You are offline')).toBeVisible();
      await page.getByLabel('Write a message').fill('I am in the tunnel, back in a minute');
      await page.keyboard.press('Enter');
      await expect(page.getByRole('img', { name: 'Waiting to be sent' })).toBeVisible();
      await shoot(page, 'offline');
    });
  }
}
