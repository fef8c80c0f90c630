/** A value that changes. Made for React's `useSyncExternalStore`, and as easily used without it. */
export interface Observable<T> {
  /** The value now: the same reference until something has changed. */
  get(): T;
  /** Calls `listener` after each change, until the function it returns is called. */
  subscribe(listener: () => void): () => void;
}

/** An observable that somebody sets. */
export class Cell<T> implements Observable<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) guarded(listener);
  }

  subscribe(listener: () => void): () => void {
    const own = () => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }
}

/** Part of another observable's value, as `view` sees it; `view` answers the same reference until the part has changed. */
export function select<S, T>(source: Observable<S>, view: (state: S) => T): Observable<T> {
  const get = () => view(source.get());
  return {
    get,
    subscribe(listener) {
      let last = get();
      return source.subscribe(() => {
        const next = get();
        if (Object.is(next, last)) return;
        last = next;
        listener();
      });
    },
  };
}

/** Calls what is not ours: if it throws, it is reported like any uncaught error, and we go on. */
export function guarded(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
