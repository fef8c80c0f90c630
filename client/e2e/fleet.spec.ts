// The page on a fleet, where tokens are pasted, any tab may be on any gateway, and gateways die.

import type { Page } from '@playwright/test';
import { Fleet } from './support/fleet.js';
import { test as base, chat, expect, type Person, write } from './support/test.js';

const test = base.extend<{ fleet: Fleet }>({
  fleet: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern here
    async ({}, use) => {
      const fleet = await Fleet.start();
      await use(fleet);
      await fleet.stop();
    },
    { timeout: 180_000 },
  ],
  deployment: async ({ fleet }, use) => use(fleet),
});

/** A tab of somebody who pastes a token. */
async function tab({ context, userId }: Person, fleet: Fleet, conversationId: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${fleet.url}/#/c/${conversationId}`);
  await page.getByLabel('Token (JWT)').fill(fleet.token(userId));
  await page.getByRole('button', { name: 'Go on' }).click();
  return page;
}

test('two people, two tabs each, and gateways that die between them', async ({ api, fleet, person }) => {
  const id = await api.conversation(['alice', 'bob']);
  const [alice, bob] = [await person('alice'), await person('bob')];
  const [alice1, alice2] = [await tab(alice, fleet, id), await tab(alice, fleet, id)];
  const [bob1, bob2] = [await tab(bob, fleet, id), await tab(bob, fleet, id)];
  const pages = [alice1, alice2, bob1, bob2];

  await write(alice1, 'Are you free on Friday?');
  for (const page of pages) await expect(chat(page).getByText('Are you free on Friday?')).toHaveCount(1);
  for (const page of [alice1, alice2])
    await expect(chat(page).getByRole('img', { name: 'Read', exact: true })).toBeVisible();
  await bob2.getByLabel('Write a message').pressSequentially('Yes');
  for (const page of [alice1, alice2]) await expect(page.getByText('Bob is typing')).toBeVisible();
  await bob2.keyboard.press('Enter');
  for (const page of pages) await expect(chat(page).getByText('Yes')).toHaveCount(1);

  expect(fleet.killGatewaysButOne()).toBe(2);
  for (const [index, page] of pages.entries()) await write(page, `While gateways die ${index}`);
  for (const page of pages) {
    for (const index of pages.keys()) {
      await expect(chat(page).getByText(`While gateways die ${index}`)).toHaveCount(1, { timeout: 60_000 });
    }
    await expect(page.getByText('Connection lost')).toBeHidden({ timeout: 60_000 });
  }
  expect(await api.contents('alice', id)).toHaveLength(6);
});
