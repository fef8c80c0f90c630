// Runs a command against a server of its own: `node lib/with-server.js command [argument …]`, with
// CALLBOARD_URL and CALLBOARD_SECRET in its environment. Ends with the command's status.

import { Child } from './process.js';
import { Server } from './server.js';

const [command, ...args] = process.argv.slice(2);
const server = await new Server().start();
const env = { ...process.env, CALLBOARD_URL: server.url, CALLBOARD_SECRET: server.secret };
const child = new Child(command, command, args, env, { stdio: 'inherit' });
const { code } = await child.exited;
await server.stop();
process.exitCode = code ?? 1;
