import { backoff, type Sleeper } from './backoff.js';
import type { Connection } from './connection.js';
import type { Emitter } from './emitter.js';
import { asError, type CallboardError } from './errors.js';
import type { CallboardEvents } from './events.js';
import type { Cell } from './observable.js';
import type { Rest } from './rest.js';
import type { Settings } from './settings.js';
import type { State } from './state/state.js';

/** What the parts of a client share. */
export interface Core {
  readonly settings: Settings;
  readonly state: Cell<State>;
  readonly rest: Rest;
  readonly connection: Connection;
  readonly events: Emitter<CallboardEvents>;
  /** Where repetitions wait. It is woken when the connection is lost. */
  readonly sleeper: Sleeper;
}

/** Replaces the state by what a pure function makes of it. */
export function update<Args extends unknown[]>(
  { state }: Core,
  change: (state: State, ...args: Args) => State,
  ...args: Args
): void {
  state.set(change(state.get(), ...args));
}

/** For failures that no caller waits for. Those that come of closing are none. */
export function report({ events }: Core, cause: unknown): void {
  const error = asError(cause);
  if (error.code !== 'closed') events.emit('error', error);
}

/**
 * Does what may fail for reasons that pass, again and again for as long as there is a connection. Rejects with what does
 * not pass; resolves to whether it was done.
 */
export async function persist(
  { connection, settings, sleeper }: Core,
  task: () => Promise<unknown>,
  failed?: (error: CallboardError) => void,
): Promise<boolean> {
  const { delays, jitter } = settings.reconnection;
  for (let failures = 1; connection.isUp; failures++) {
    try {
      await task();
      return true;
    } catch (cause) {
      const error = asError(cause);
      failed?.(error);
      if (!error.retriable) throw error;
      if (connection.isUp) await sleeper.sleep(error.retryAfter ?? backoff(failures, delays, jitter));
    }
  }
  return false;
}
