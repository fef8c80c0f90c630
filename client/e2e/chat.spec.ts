// Two people talk, each in two tabs.

import { chat, expect, test, write } from './support/test.js';

test('messages, typing, receipts and badges reach all tabs', async ({ api, person }) => {
  const id = await api.conversation(['alice', 'bob']);
  const [alice, bob] = [await person('alice'), await person('bob')];
  const [alice1, alice2] = [await alice.tab({ open: id }), await alice.tab({ open: id })];
  const [bob1, bob2] = [await bob.tab(), await bob.tab()];
  for (const page of [bob1, bob2]) await expect(page.getByRole('button', { name: /^Alice/ })).toBeVisible();

  await alice1.getByLabel('Write a message').fill('Are you free on Friday?');
  await alice1.keyboard.press('Enter');

  for (const page of [alice1, alice2]) {
    await expect(chat(page).getByText('Are you free on Friday?')).toHaveCount(1);
    // Bob's tabs have it, and he has opened neither.
    await expect(chat(page).getByRole('img', { name: 'Delivered', exact: true })).toBeVisible();
  }
  for (const page of [bob1, bob2]) {
    await expect(page.getByRole('button', { name: /^Alice/ })).toContainText('1 unread');
    await expect(page).toHaveTitle('(1) Callboard');
  }

  await bob1.getByRole('button', { name: /^Alice/ }).click();
  await expect(chat(bob1).getByText('Are you free on Friday?')).toBeVisible();
  for (const page of [alice1, alice2])
    await expect(chat(page).getByRole('img', { name: 'Read', exact: true })).toBeVisible();
  for (const page of [bob1, bob2]) await expect(page).toHaveTitle('Callboard');

  await bob1.getByLabel('Write a message').pressSequentially('Yes');
  for (const page of [alice1, alice2]) await expect(page.getByText('Bob is typing')).toBeVisible();
  await bob1.keyboard.press('Enter');
  for (const page of [alice1, alice2]) {
    await expect(chat(page).getByText('Yes')).toHaveCount(1);
    await expect(page.getByText('Bob is typing')).toBeHidden();
    await expect(page.getByRole('log')).toContainText('Bob: Yes');
  }
  await expect(chat(bob1).getByRole('img', { name: 'Read', exact: true })).toBeVisible();
});

test('a conversation is started, renamed, left and deleted on the page', async ({ person }) => {
  const [alice, bob] = [await (await person('alice')).tab(), await (await person('bob')).tab()];
  await expect(bob.getByText('No conversations yet')).toBeVisible();

  await alice.getByRole('button', { name: 'New', exact: true }).click();
  await alice.getByRole('dialog').getByRole('button', { name: 'Bob' }).click();
  await alice.getByRole('dialog').getByRole('button', { name: 'Carol' }).click();
  await alice.getByLabel('Title').fill('Casting');
  await alice.getByRole('button', { name: 'Start' }).click();
  await expect(alice.getByRole('heading', { name: 'Casting' })).toBeVisible();
  await expect(alice.getByLabel('Write a message')).toBeFocused();
  await bob.getByRole('button', { name: /Casting/ }).click();

  await alice.getByRole('button', { name: 'People and settings' }).click();
  await alice.getByLabel('Title').fill('Second casting');
  await alice.getByRole('button', { name: 'Save' }).click();
  await expect(bob.getByRole('heading', { name: 'Second casting' })).toBeVisible();

  await alice.getByRole('button', { name: 'Remove bob' }).click();
  await expect(bob.getByText('This conversation is not available')).toBeVisible();
  await alice.getByRole('button', { name: 'Delete…' }).click();
  await alice.getByRole('button', { name: 'Delete for everyone' }).click();
  await expect(alice.getByText('No conversations yet')).toBeVisible();
  await expect(alice.getByText('Choose a conversation')).toBeVisible();
});

test('people are looked for by what one writes, and chosen', async ({ person }) => {
  const page = await (await person('alice')).tab();
  await page.getByRole('button', { name: 'New', exact: true }).click();
  const [field, dialog] = [page.getByLabel('With whom?'), page.getByRole('dialog')];
  await expect(field).toBeFocused();
  await field.fill('bo');
  await dialog.getByRole('button', { name: 'Bob' }).click();
  await field.fill('Ann Smith, dana');
  await field.press('Enter');
  await expect(dialog.locator('.people-input .chip')).toHaveText(['bob', 'ann-smith', 'dana']);
});

test('an address that names nothing says so', async ({ person }) => {
  const page = await (await person('alice')).tab({ open: '%E0%A4%A' });
  await expect(page.getByText('This conversation is not available')).toBeVisible();
});

test('the keyboard alone is enough', async ({ api, page, server }) => {
  for (const title of ['Casting', 'Lighting', 'Stage crew']) await api.conversation(['alice', 'bob'], title);
  await page.goto(`${server.url}/`);
  await page.getByRole('button', { name: 'Alice' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /Stage crew/ }).focus();
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('button', { name: /Lighting/ })).toBeFocused();
  await page.keyboard.press('End');
  await expect(page.getByRole('button', { name: /Casting/ })).toBeFocused();
  await page.keyboard.press('Home');
  await expect(page.getByRole('button', { name: /Stage crew/ })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Write a message')).toBeFocused();
  await page.keyboard.type('One line');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('and another');
  await page.keyboard.press('Enter');
  await expect(chat(page).getByText('One line\nand another')).toBeVisible();
});

test('on a touch screen Enter begins a new line', async ({ api, person }) => {
  const id = await api.conversation(['alice', 'bob']);
  const page = await (await person('alice', { hasTouch: true, isMobile: true })).tab({ open: id });
  await page.getByLabel('Write a message').pressSequentially('One line\nand another');
  await page.getByRole('button', { name: 'Send' }).tap();
  await expect(chat(page).getByText('One line\nand another')).toBeVisible();
});

test('the theme is switched, and stays', async ({ person }) => {
  const page = await (await person('alice')).tab();
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByRole('button', { name: 'Dark theme' }).click();
  expect(await background()).not.toBe(light);
  await page.reload();
  await page.getByRole('button', { name: 'Light theme' }).click();
  expect(await background()).toBe(light);
});

test('a browser that may keep nothing shows it all the same', async ({ api, person }) => {
  const id = await api.conversation(['bob', 'alice'], 'Casting');
  const alice = await person('alice');
  await alice.context.addInitScript(() => {
    const refuse = () => {
      throw new DOMException('Access is denied for this document.', 'SecurityError');
    };
    for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, { get: refuse });
    IDBFactory.prototype.open = refuse;
  });
  const page = await alice.tab({ open: id });
  await write(page, 'Hello');
  await expect(chat(page).getByText('Hello')).toBeVisible();
  await expect(chat(page).getByRole('img', { name: 'Sent', exact: true })).toBeVisible();
});

test('a kept session that is none counts as none', async ({ page, server }) => {
  for (const kept of ['{"userId"', '{}', 'null']) {
    await page.goto(server.url);
    await page.evaluate((text) => sessionStorage.setItem('callboard-session', text), kept);
    await page.reload();
    await expect(page.getByRole('heading', { name: 'Who are you?' })).toBeVisible();
  }
});

test('where the server gives no tokens, one is pasted', async ({ api, page, server }) => {
  await api.conversation(['alice', 'bob'], 'Casting');
  await page.route('**/dev/token', (route) => route.fulfill({ status: 404 }));
  await page.goto(`${server.url}/`);
  await page.getByLabel('Token (JWT)').fill('not a token');
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('alert')).toContainText('not a token');
  await page.getByLabel('Token (JWT)').fill(server.token('alice'));
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('button', { name: /Casting/ })).toBeVisible();
});
