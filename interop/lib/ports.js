// Spare loopback ports, outside the range that outgoing connections take theirs from.
//
// Test files run side by side, each in a process of its own. A process holds the first port of a block for as long as
// it lives, and gives out the others once each: no two are ever told the same.

import net from 'node:net';

const LOWEST = 12_000;
const BLOCK = 500;
const BLOCKS = 40;

let block;

/** A port on 127.0.0.1 that nobody listens on and that nobody else is told. */
export async function sparePort() {
  block ??= ownBlock();
  const ports = await block;
  for (;;) {
    const port = ports.pop();
    if (port === undefined) throw new Error(`more than ${BLOCK - 1} ports in one process`);
    const probe = await listenOn(port);
    if (!probe) continue;
    await new Promise((closed) => probe.close(closed));
    return port;
  }
}

async function ownBlock() {
  // From anywhere, so that a block that was just given up rests for a while.
  const start = Math.floor(Math.random() * BLOCKS);
  for (let i = 0; i < BLOCKS; i++) {
    const first = LOWEST + ((start + i) % BLOCKS) * BLOCK;
    const lock = await listenOn(first);
    if (!lock) continue;
    lock.unref();
    return Array.from({ length: BLOCK - 1 }, (_, n) => first + BLOCK - 1 - n);
  }
  throw new Error('no block of spare ports on 127.0.0.1');
}

/** A server on this port, or nothing where it is taken. */
function listenOn(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
