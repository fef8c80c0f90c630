// What stands between a client and the server, and does what networks do.

import { createHash } from 'node:crypto';
import { createServer, type Server as HttpServer, request } from 'node:http';
import { connect, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';

const listen = (server: TcpServer | HttpServer) =>
  new Promise<string>((done) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address) done(`http://127.0.0.1:${address.port}`);
    });
  });

/** Passes bytes on, unless told to break or refuse connections. */
export class CutProxy {
  readonly #sockets = new Set<Socket>();
  #refusing = false;
  url = '';

  private constructor(readonly server: TcpServer) {}

  static async start(port: number): Promise<CutProxy> {
    const server = createTcpServer((client) => {
      const upstream = connect({ port, host: '127.0.0.1' });
      for (const [one, other] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        proxy.#sockets.add(one);
        one.on('error', () => {});
        one.on('close', () => {
          proxy.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
      if (proxy.#refusing) client.destroy();
    });
    const proxy = new CutProxy(server);
    proxy.url = await listen(server);
    return proxy;
  }

  /** Breaks every connection, and new ones too until `allow`. */
  refuse(): void {
    this.#refusing = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  allow(): void {
    this.#refusing = false;
  }

  close(): void {
    this.refuse();
    this.server.close();
  }
}

/** What a proxy does with WebSockets: refuses them, lets them hang, closes them as soon as they are open, or cuts them later. */
export type Hindrance = 'refused' | 'hanging' | 'closed' | 'cut';

const CUT_AFTER = 300;

/** An HTTP proxy by which WebSockets do not work. */
export async function withoutWebSockets(port: number, how: Hindrance): Promise<{ url: string; close(): void }> {
  const server = createServer((incoming, answer) => {
    const { method, url, headers } = incoming;
    const upstream = request({ port, host: '127.0.0.1', method, path: url, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    upstream.on('error', () => answer.destroy());
    answer.on('close', () => upstream.destroy());
    incoming.pipe(upstream);
  });
  const hanging = new Set<{ destroy(): void }>();
  server.on('upgrade', ({ url, headers, rawHeaders }, socket) => {
    hanging.add(socket.on('error', () => {}));
    if (how === 'refused') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    } else if (how === 'closed') {
      const accept = createHash('sha1')
        .update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      const head = ['101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
      socket.write(`HTTP/1.1 ${head.join('\r\n')}\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
      // A close frame, without a reason.
      socket.end(Buffer.from([0x88, 0]));
    } else if (how === 'cut') {
      const upstream = connect({ port, host: '127.0.0.1' }).on('error', () => {});
      const lines = rawHeaders.map((part, index) => part + (index % 2 ? '\r\n' : ': '));
      upstream.write(`GET ${url} HTTP/1.1\r\n${lines.join('')}\r\n`);
      upstream.pipe(socket).pipe(upstream);
      setTimeout(() => upstream.destroy() && socket.destroy(), CUT_AFTER);
    }
  });
  const url = await listen(server);
  const close = () => {
    for (const socket of hanging) socket.destroy();
    server.closeAllConnections();
    server.close();
  };
  return { url, close };
}
