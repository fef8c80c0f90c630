// A TCP proxy between one client and the server that does what networks do.

import net from 'node:net';

export class FaultProxy {
  #pairs = new Set();
  #refusing = false;
  #stalled = false;

  static async start(port) {
    const proxy = new FaultProxy();
    proxy.target = port;
    proxy.server = net.createServer((client) => proxy.#accept(client));
    await new Promise((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  #accept(client) {
    client.on('error', () => {});
    if (this.#refusing) return client.destroy();
    const server = net.connect({ port: this.target, host: '127.0.0.1' });
    server.on('error', () => {});
    const pair = { client, server, abandoned: false };
    this.#pairs.add(pair);
    const forward = (from, to) => {
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => this.#stalled || from.resume());
      from.on('end', () => to.end());
    };
    forward(client, server);
    forward(server, client);
    if (this.#stalled) server.pause();
    client.on('close', () => {
      if (!pair.abandoned) server.destroy();
    });
    server.on('close', () => {
      client.destroy();
      this.#pairs.delete(pair);
    });
  }

  /** Every connection breaks; new ones are accepted. */
  cut() {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** Every connection breaks and new ones do at once, until `allow`. */
  refuse() {
    this.#refusing = true;
    this.cut();
  }

  allow() {
    this.#refusing = false;
    this.#stalled = false;
    for (const { server } of this.#pairs) server.resume();
  }

  /** The client is gone, but the server cannot know: its side stays open and silent. */
  abandon() {
    for (const pair of this.#pairs) {
      pair.abandoned = true;
      pair.client.destroy();
      pair.server.removeAllListeners('data').resume();
    }
  }

  /** The server finds out about every connection that was abandoned. */
  reap() {
    for (const { abandoned, server } of this.#pairs) if (abandoned) server.destroy();
  }

  /** Nothing is read from the server any more; what it sends piles up on its side. */
  stall() {
    this.#stalled = true;
    for (const { server } of this.#pairs) server.pause();
  }

  close() {
    this.#refusing = true;
    this.cut();
    this.server.close();
  }
}
