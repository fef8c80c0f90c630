// What a client promises while servers, networks and tokens fail.

import type { Page } from '@playwright/test';
import { chat, expect, test, write } from './support/test.js';

const waiting = (page: Page) => chat(page).getByRole('img', { name: 'Waiting to be sent' });

test('a killed server comes back: everything arrives once and in order', async ({ api, person, server }) => {
  const id = await api.conversation(['alice', 'bob']);
  const [alice, bob] = [await (await person('alice')).tab({ open: id }), await (await person('bob')).tab({ open: id })];
  await write(alice, 'before');
  await expect(chat(bob).getByText('before')).toBeVisible();

  await server.kill();
  await expect(alice.getByText('Connection lost')).toBeVisible();
  for (const text of ['one', 'two', 'three']) await write(alice, text);
  await expect(waiting(alice)).toHaveCount(3);
  await write(bob, 'hello?');

  await server.up();
  await expect(alice.getByText('Connection lost')).toBeHidden();
  await expect(bob.getByText('Connection lost')).toBeHidden();
  for (const page of [alice, bob]) {
    for (const text of ['before', 'one', 'two', 'three', 'hello?']) {
      await expect(chat(page).getByText(text, { exact: true })).toHaveCount(1);
    }
    await expect(waiting(page)).toHaveCount(0);
  }
  const contents = await api.contents('bob', id);
  expect(contents.filter((text) => text !== 'hello?')).toEqual(['before', 'one', 'two', 'three']);
  expect(contents).toHaveLength(5);
});

test('what was written offline survives a reload, and is sent once', async ({ api, person }) => {
  const id = await api.conversation(['alice', 'bob']);
  const alice = await person('alice');
  const page = await alice.tab({ open: id });
  await write(page, 'while online');
  await expect(chat(page).getByRole('img', { name: 'Sent', exact: true })).toBeVisible();

  await alice.context.setOffline(true);
  await expect(page.getByText('You are offline')).toBeVisible();
  await write(page, 'from the tunnel');
  await expect(waiting(page)).toHaveCount(1);
  // The page itself comes from the server; only its connections are cut for the reload.
  await alice.context.route(/socket\.io|\/messages\//, (route) => route.abort());
  await alice.context.setOffline(false);
  await page.reload();
  await expect(chat(page).getByText('from the tunnel')).toBeVisible();
  await expect(waiting(page)).toHaveCount(1);
  expect(await api.contents('bob', id)).toEqual(['while online']);

  await alice.context.unroute(/socket\.io|\/messages\//);
  await expect.poll(() => api.contents('bob', id)).toEqual(['while online', 'from the tunnel']);
  await expect(chat(page).getByText('from the tunnel')).toHaveCount(1);
  await expect(waiting(page)).toHaveCount(0);
});

test('two tabs write offline: each message is sent once', async ({ api, person }) => {
  const id = await api.conversation(['alice', 'bob']);
  const alice = await person('alice');
  const tabs = [await alice.tab({ open: id }), await alice.tab({ open: id })];
  for (const page of tabs) await expect(page.getByText('Say hello!')).toBeVisible();
  await alice.context.setOffline(true);
  for (const page of tabs) await expect(page.getByText('You are offline')).toBeVisible();
  for (const [index, page] of tabs.entries()) await write(page, `from tab ${index + 1}`);
  for (const page of tabs) await expect(waiting(page)).toHaveCount(2);

  await alice.context.setOffline(false);
  for (const page of tabs) {
    await expect(chat(page).getByRole('img', { name: 'Sent', exact: true })).toHaveCount(2);
  }
  expect((await api.contents('bob', id)).sort()).toEqual(['from tab 1', 'from tab 2']);
});

test('a token that expires is replaced', async ({ api, person }) => {
  const id = await api.conversation(['alice', 'bob']);
  const alice = await person('alice');
  let tokens = 0;
  await alice.context.route('**/dev/token', (route) => {
    tokens += 1;
    return route.continue();
  });
  // Every token lives for three seconds.
  const page = await alice.tab({ open: id, query: { ttl: '3' } });
  await expect.poll(() => tokens).toBeGreaterThan(3);
  await write(page, 'still here');
  await expect(chat(page).getByRole('img', { name: 'Sent', exact: true })).toBeVisible();
});

test('without a new token one is logged out, and can log in again', async ({ api, page, server }) => {
  await api.conversation(['alice', 'bob'], 'Casting');
  await page.route('**/dev/token', (route) => route.fulfill({ status: 404 }));
  await page.goto(`${server.url}/`);
  await page.getByLabel('Token (JWT)').fill(server.token('alice', 6));
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('button', { name: /Casting/ })).toBeVisible();
  await expect(page.getByRole('alert').filter({ hasText: 'You have been logged out' })).toBeVisible();
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByLabel('Token (JWT)')).toBeVisible();
});
