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
import { Api } from './api.js';

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
  api: async ({ server }, use) => use(new Api(server)),
  person: async ({ browser, server, contextOptions }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (userId, options) => {
      const context = await open(browser, { ...contextOptions, ...options });
      contexts.push(context);
      return new Person(userId, context, server.url);
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
