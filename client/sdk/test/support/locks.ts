// What Web Locks do, which this version of Node does not have.

interface Lock {
  /** Takes the lock from whoever holds it. */
  take?: ((why: unknown) => void) | undefined;
  readonly waiting: (() => void)[];
}

/** Exclusive locks by name, granted in the order in which they were asked for, or taken. */
export class Locks {
  /** How many are held. */
  held = 0;
  readonly #locks = new Map<string, Lock>();

  async request(
    name: string,
    { signal, steal }: { signal?: AbortSignal; steal?: boolean },
    hold: () => Promise<unknown>,
  ): Promise<void> {
    const lock = this.#locks.get(name) ?? { waiting: [] };
    this.#locks.set(name, lock);
    if (steal) lock.take?.(new DOMException('Another has taken the lock.', 'AbortError'));
    else while (lock.take) await new Promise<void>((next) => lock.waiting.push(next));
    let take: Lock['take'];
    const taken = new Promise<never>((_, reject) => {
      lock.take = take = reject;
    });
    this.held++;
    try {
      await Promise.race([Promise.resolve().then(() => signal?.throwIfAborted() ?? hold()), taken]);
    } finally {
      this.held--;
      if (lock.take === take) {
        lock.take = undefined;
        lock.waiting.shift()?.();
      }
    }
  }
}
