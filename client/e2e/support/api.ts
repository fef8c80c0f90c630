// The server's REST API, for what was there before a test begins.

/** Where a server is, and what lets a user in. */
export interface Deployment {
  readonly url: string;
  token(userId: string): string;
}

export class Api {
  constructor(readonly server: Deployment) {}

  async call<T>(userId: string, method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.server.url}/messages/${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.server.token(userId)}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (response.status === 204 ? undefined : await response.json()) as T;
  }

  /** A conversation that the first of these people creates; its id. */
  async conversation([creator = '', ...participantIds]: readonly string[], title?: string): Promise<string> {
    const kind = participantIds.length === 1 && !title ? 'direct' : 'group';
    const body = { participantIds, kind, ...(title && { title }) };
    return (await this.call<{ id: string }>(creator, 'POST', 'conversations', body)).id;
  }

  async send(userId: string, conversationId: string, content: string): Promise<void> {
    await this.call(userId, 'POST', `conversations/${conversationId}/messages`, { content });
  }

  /** Sends `count` messages of one to seven lines, a few at a time: their order is theirs. */
  async fill(userId: string, conversationId: string, count: number): Promise<void> {
    let next = 0;
    const sender = async () => {
      while (next < count) {
        const n = next++;
        await this.send(userId, conversationId, `Message ${n} ${'which is longer than others '.repeat(n % 7)}`);
      }
    };
    await Promise.all(Array.from({ length: 16 }, sender));
  }

  async read(userId: string, conversationId: string): Promise<void> {
    await this.call(userId, 'PATCH', `conversations/${conversationId}/read`);
  }

  /** The contents of the newest messages, oldest first. */
  async contents(userId: string, conversationId: string): Promise<string[]> {
    const path = `conversations/${conversationId}/messages?limit=100`;
    const { items } = await this.call<{ items: { content: string }[] }>(userId, 'GET', path);
    return items.map(({ content }) => content).reverse();
  }
}
