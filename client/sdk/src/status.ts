import type { CallboardError } from './errors.js';

/**
 * Where the connection stands.
 *
 * - `idle`: `connect` has not been called;
 * - `connecting`: the first attempt, also after `retry` or when the network is back;
 * - `connected`: events arrive, and the queue is sent;
 * - `reconnecting`: lost; the next attempt is at `retryAt`, or under way;
 * - `offline`: the browser has no network; it goes on by itself when there is one;
 * - `failed`: the attempts are used up. `retry` tries again, and so do the return of the network or of the user to the page;
 * - `logged-out`: the server refused the token, or it is another user's. `connect` tries again, after a login;
 * - `closed`: `close` was called.
 */
export type ConnectionState =
  | 'idle'
  | 'connecting'
  | 'connected'
  | 'reconnecting'
  | 'offline'
  | 'failed'
  | 'logged-out'
  | 'closed';

export type TransportName = 'websocket' | 'polling';

/** The state of the connection, and what is known of it. */
export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** While reconnecting: which attempt is next or under way, from 1. */
  readonly attempt?: number;
  /** While waiting for the next attempt: when it will be made, in milliseconds since the epoch. */
  readonly retryAt?: number;
  /** While connected: by what. It may change from polling to WebSocket. */
  readonly transport?: TransportName;
  /** Why the last attempt failed. */
  readonly error?: CallboardError;
}
