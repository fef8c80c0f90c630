// What the tests share: a server and as many browsers of people as they ask for, all gone at the end.

import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  test as base,
  type Locator,
  type Page,
} from '@playwright/test';
import { Server } from '../../sdk/test/support/server.js';
import { Api, type Deployment } from './api.js';

/** A browser of somebody: its tabs share what is stored. */
export class Person {
  constructor(
    readonly userId: string,
    readonly context: BrowserContext,
    readonly url: string,
  ) {}

  /** A tab, with this conversation open if there is one. */
  async tab({ open, query = {} }: { open?: string; query?: Record<string, string> } = {}): Promise<Page> {
    const page = await this.context.newPage();
    const params = new URLSearchParams({ user: this.userId, ...query });
    await page.goto(`${this.url}/?${params}${open ? `#/c/${open}` : ''}`);
    return page;
  }
}

interface Fixtures {
  server: Server;
  /** What the people use: `server`, unless a test says otherwise. */
  deployment: Deployment;
  api: Api;
  person: (userId: string, options?: BrowserContextOptions) => Promise<Person>;
}

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern here
  server: async ({}, use) => {
    const server = await Server.start();
    await use(server);
    await server.stop();
  },
  deployment: async ({ server }, use) => use(server),
  api: async ({ deployment }, use) => use(new Api(deployment)),
  person: async ({ browser, deployment, contextOptions }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (userId, options) => {
      const context = await open(browser, { ...contextOptions, ...options });
      contexts.push(context);
      return new Person(userId, context, deployment.url);
    });
    await Promise.all(contexts.map((context) => context.close()));
  },
});

function open(browser: Browser, options: BrowserContextOptions): Promise<BrowserContext> {
  return browser.newContext(options);
}

export { expect } from '@playwright/test';

/** The messages of the open conversation. */
export const chat = (page: Page) => page.getByRole('region', { name: 'Messages' });

export const atBottom = (list: Locator) =>
  list.evaluate((element) => element.scrollHeight - element.scrollTop - element.clientHeight < 2);

/** Sends a message in the open conversation. */
export async function write(page: Page, text: string) {
  await page.getByLabel('Write a message').fill(text);
  await page.keyboard.press('Enter');
}
