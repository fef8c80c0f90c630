import type { SequencedEvent } from './wire.js';

/** Puts the events of each conversation in order: lets each pass once, and holds back what comes too early. */
export class Sequencer {
  /** The number of the last event that has passed, by conversation. */
  readonly #passed = new Map<string, number>();
  readonly #held = new Map<string, Map<number, SequencedEvent>>();

  follows(id: string): boolean {
    return this.#passed.has(id);
  }

  cursor(id: string): number {
    return this.#passed.get(id) ?? 0;
  }

  /** Whether events are held back that wait for earlier ones, or for the conversation itself. */
  isBehind(id: string): boolean {
    return this.#held.has(id);
  }

  /** The conversations of which events are held back. */
  get behind(): string[] {
    return [...this.#held.keys()];
  }

  /**
   * Follows a conversation whose state includes the events up to `seq`. Those held back already pass all the same, so that
   * whoever listens for events hears of them.
   */
  follow(id: string, seq: number): SequencedEvent[] {
    if (this.follows(id)) return [];
    this.#passed.set(id, Math.min(seq, ...[...(this.#held.get(id)?.keys() ?? [])].map((held) => held - 1)));
    return this.#release(id);
  }

  /** Takes what has arrived, and answers what passes now, in order. */
  accept(id: string, events: readonly SequencedEvent[]): SequencedEvent[] {
    const cursor = this.#passed.get(id) ?? -1;
    const held = this.#held.get(id) ?? new Map<number, SequencedEvent>();
    for (const event of events) if (event.seq > cursor) held.set(event.seq, event);
    if (held.size > 0) this.#held.set(id, held);
    return this.#release(id);
  }

  forget(id: string): void {
    this.#passed.delete(id);
    this.#held.delete(id);
  }

  #release(id: string): SequencedEvent[] {
    const held = this.#held.get(id);
    let cursor = this.#passed.get(id);
    if (held === undefined || cursor === undefined) return [];
    const passing: SequencedEvent[] = [];
    for (let next = held.get(cursor + 1); next; next = held.get(cursor + 1)) {
      passing.push(next);
      held.delete(++cursor);
    }
    this.#passed.set(id, cursor);
    if (held.size === 0) this.#held.delete(id);
    return passing;
  }
}
