// axe finds nothing to complain about on the main states, in light and dark.

import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { chat, expect, test } from './support/test.js';

async function check(page: Page) {
  // Colours that are just changing have no contrast to speak of.
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))),
  );
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`);
  expect(found).toEqual([]);
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the main states, ${colorScheme}`, async ({ api, person }) => {
    const look = { colorScheme, reducedMotion: 'reduce' } as const;
    const nobody = await (await person('', look)).tab();
    await expect(nobody.getByRole('heading', { name: 'Who are you?' })).toBeVisible();
    await check(nobody);

    const alice = await person('alice', look);
    const page = await alice.tab();
    await expect(page.getByText('No conversations yet')).toBeVisible();
    await check(page);

    const id = await api.conversation(['alice', 'bob', 'carol'], 'Casting');
    await api.send('bob', id, 'Have a look: https://example.org/notes');
    await api.send('alice', id, 'I will.');
    await expect(page.getByRole('button', { name: /Casting/ })).toContainText('1 unread');
    await check(page);

    await page.getByRole('button', { name: /Casting/ }).click();
    await expect(chat(page).getByText('I will.')).toBeVisible();
    await page.getByRole('button', { name: 'People and settings' }).click();
    const bob = await (await person('bob')).tab({ open: id });
    // Typing is told to whoever is connected, by whoever is.
    await expect(chat(bob).getByText('I will.')).toBeVisible();
    await bob.getByLabel('Write a message').pressSequentially('And');
    await expect(page.getByText('Bob is typing')).toBeVisible();
    await check(page);

    await page.getByRole('button', { name: 'New', exact: true }).click();
    await page.getByLabel('With whom?').fill('bob');
    await page.getByLabel('With whom?').press('Enter');
    await check(page);
    await page.keyboard.press('Escape');

    await alice.context.route('**/conversations/*/messages', (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({ status: 403, json: { code: 'forbidden' } })
        : route.continue(),
    );
    await page.getByLabel('Write a message').fill('Refused');
    await page.keyboard.press('Enter');
    await expect(chat(page).getByRole('button', { name: 'Try again' })).toBeVisible();
    await alice.context.setOffline(true);
    await expect(page.getByText('You are offline')).toBeVisible();
    await check(page);
  });
}
