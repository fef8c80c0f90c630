import { guarded } from './observable.js';

/** Typed events: a handler is called for each event of its name, in the order of their adding. */
export class Emitter<Events> {
  readonly #handlers = new Map<keyof Events, Set<(event: never) => void>>();

  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set();
    this.#handlers.set(name, handlers.add(handler));
    return () => this.off(name, handler);
  }

  off<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): void {
    this.#handlers.get(name)?.delete(handler);
  }

  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    for (const handler of [...(this.#handlers.get(name) ?? [])]) {
      guarded(() => (handler as (event: Events[Name]) => void)(event));
    }
  }

  clear(): void {
    this.#handlers.clear();
  }
}
