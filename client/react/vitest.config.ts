import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'jsdom',
    include: ['test/**/*.test.{ts,tsx}'],
    setupFiles: ['test/setup.ts'],
    execArgv: ['--expose-gc'],
    // Only what fails takes so long: generous, for a slow machine.
    testTimeout: 60_000,
  },
});
