// Waiting for a condition: what every recorder of events in these tests is built on.
// A wait ends as soon as its condition holds, and fails with what was seen instead.

/** Only what fails takes so long: generous, for a slow machine. */
export const PATIENCE = 30_000;

export class Recorder {
  #waiters = new Set();

  /** To be called whenever something was recorded. */
  changed() {
    for (const look of [...this.#waiters]) look();
  }

  /** What a failed wait prints; recorders say more. */
  summary() {
    return '';
  }

  /** Resolves to the first truthy value of `probe`, which is asked again after every change. */
  until(probe, what, patience = PATIENCE) {
    const failure = new Error(`waited ${patience} ms for ${what}`);
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        settle(value);
      };
      const look = () => {
        try {
          const found = probe();
          if (found) finish(resolve, found);
        } catch (error) {
          finish(reject, error);
        }
      };
      const timer = setTimeout(() => {
        failure.message += `\n${this.summary()}`;
        finish(reject, failure);
      }, patience);
      this.#waiters.add(look);
      look();
    });
  }
}

/** Asks `probe` (which may be async) again and again until it is truthy: for what sends no event. */
export async function eventually(probe, what, patience = PATIENCE) {
  const deadline = performance.now() + patience;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`waited ${patience} ms for ${what}`);
    await pause(20);
  }
}

/** A pause between two attempts; never the reason why a test passes. */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The promise's value, or an error that says what did not happen in time. */
export async function within(promise, what, patience = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${patience} ms for ${what}`)), patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
