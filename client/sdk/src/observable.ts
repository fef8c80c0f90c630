/** A value that changes. Made for React's `useSyncExternalStore`, and as easily used without it. */
export interface Observable<T> {
  /** The value now: the same reference until something has changed. */
  get(): T;
  /** Calls `listener` after each change, until the function it returns is called. */
  subscribe(listener: () => void): () => void;
}
