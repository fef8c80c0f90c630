// What a client with an invalid token gets to see.
//
//   node test-websocket.mjs [http://127.0.0.1:5001]

import { io } from 'socket.io-client';

const url = process.argv[2] ?? process.env.CALLBOARD_URL ?? 'http://127.0.0.1:5001';

console.log('🔌 Testing WebSocket connection...');

const socket = io(url, { auth: { token: 'invalid.jwt.token' }, transports: ['websocket', 'polling'], timeout: 20_000 });

socket.on('connect', () => finish('✅ WebSocket connected, but an invalid token should have been refused', 1));

socket.on('connect_error', (error) => {
  if (socket.active) finish(`❌ WebSocket connection error: ${error.message}`, 1);
  else finish(`❌ WebSocket connection error (expected due to invalid token): ${error.message}`, 0);
});

function finish(line, status) {
  console.log(line);
  console.log('⏰ Test completed');
  socket.disconnect();
  process.exitCode = status;
}
