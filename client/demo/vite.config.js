import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// While the page is being worked on: `npm run dev -w @callboard/demo`, beside a `callboard dev`.
const server = process.env.CALLBOARD_URL ?? 'http://127.0.0.1:5001';

export default defineConfig({
  base: './',
  plugins: [react()],
  build: { target: 'es2022', reportCompressedSize: false },
  server: {
    port: 3000,
    proxy: { '/messages': server, '/dev': server, '/socket.io': { target: server, ws: true } },
  },
});
