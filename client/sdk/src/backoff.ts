/** How long to wait after so many failures in a row (from 1), in milliseconds. The last delay repeats. */
export function backoff(failures: number, delays: readonly number[], jitter: number): number {
  const delay = delays[Math.min(failures, delays.length) - 1] ?? 0;
  return Math.round(delay * (1 + jitter * (2 * Math.random() - 1)));
}

/** Waits that can be cut short. */
export class Sleeper {
  readonly #sleeping = new Set<() => void>();

  /** Resolves after `ms`, or at the next `wake`. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#sleeping.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      this.#sleeping.add(wake);
    });
  }

  wake(): void {
    for (const wake of [...this.#sleeping]) wake();
  }
}
