// What Web Locks do, which this version of Node does not have.

/** Exclusive locks by name, granted in the order in which they were asked for. */
export class Locks {
  /** How many are held. */
  held = 0;
  readonly #tails = new Map<string, Promise<void>>();

  request(name: string, { signal }: { signal: AbortSignal }, hold: () => Promise<void>): Promise<void> {
    const turn = (this.#tails.get(name) ?? Promise.resolve()).then(() => {
      signal.throwIfAborted();
      this.held++;
      return hold().finally(() => this.held--);
    });
    this.#tails.set(
      name,
      turn.catch(() => {}),
    );
    return turn;
  }
}
