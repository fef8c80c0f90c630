// Two users, one message.
//
//   node hello.mjs http://127.0.0.1:5001 "$(callboard token --user alice --name Alice)" "$(callboard token --user bob --name Bob)"

import { io } from 'socket.io-client';

const [url = 'http://127.0.0.1:5001', alice = process.env.ALICE_TOKEN, bob = process.env.BOB_TOKEN] = process.argv.slice(2);
if (!alice || !bob) {
  console.error('usage: node hello.mjs URL ALICE_TOKEN BOB_TOKEN');
  process.exit(2);
}

const api = async (path, body) => {
  const headers = { Authorization: `Bearer ${alice}`, 'Content-Type': 'application/json' };
  const response = await fetch(`${url}/messages/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};

/** Connects, prints every event, and resolves to the user's id and the arrival of the first message. */
const listen = (who, token) =>
  new Promise((ready, refused) => {
    const socket = io(url, { auth: { token } });
    const message = new Promise((arrived) => socket.on('new-message', arrived));
    socket.onAny((event, data) => console.log(`${who} ← ${event}`, JSON.stringify(data)));
    socket.on('connect_error', (error) => refused(new Error(`${who}: ${error.message}`)));
    socket.on('ready', ({ userId }) => ready({ userId, message, close: () => socket.disconnect() }));
  });

const [a, b] = await Promise.all([listen('alice', alice), listen('bob  ', bob)]);
const { id } = await api('conversations', { participantIds: [b.userId], title: 'Casting' });
await api(`conversations/${id}/messages`, { content: 'Are you free on Friday?' });
await Promise.all([a.message, b.message]);
a.close();
b.close();
