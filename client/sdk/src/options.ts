import type { OutboxStorage } from './outbox/storage.js';
import type { TransportName } from './status.js';

/** How to come back after the connection was lost. */
export interface ReconnectionOptions {
  /** How long to wait before each attempt, in milliseconds; the last one repeats. Default: 1, 2, 4, 8, 16 s. */
  delays?: readonly number[] | undefined;
  /** Each delay is made longer or shorter by up to this part of it, so that not all clients come at once. Default 0.2. */
  jitter?: number | undefined;
  /** How many attempts there are before the state is `failed`. One that connects and breaks within 5 s has failed too. Default 5. */
  attempts?: number | undefined;
}

/** The settings of a client. */
export interface CallboardOptions {
  /** Where the API is, and the gateways unless `socketUrl` says. Default: the page's origin. */
  url?: string | undefined;
  /** Where the gateways are, if elsewhere. */
  socketUrl?: string | undefined;
  /** Who is logged in: the user of the tokens. */
  userId: string;
  /** The display name shown on one's own messages until the server has them. */
  userName?: string | undefined;
  /**
   * Fetches a token. Called for every connect and refresh; it may answer with the same token for as long as that is good.
   * If it fails, the attempt to connect has failed.
   */
  getToken: () => string | Promise<string>;
  reconnection?: ReconnectionOptions | undefined;
  /** How long an attempt to connect may take, in milliseconds. Default 20,000. */
  timeout?: number | undefined;
  /**
   * What to connect by, in this order; one that hangs, is cut at once, or twice within 5 s, comes last. Default: WebSocket, then HTTP
   * long-polling where that is blocked.
   */
  transports?: readonly TransportName[] | undefined;
  /** How long before its expiry a token is replaced, in milliseconds. Default 60,000. */
  refreshBefore?: number | undefined;
  /** Where messages wait until they are sent. Default: IndexedDB where there is one, or else memory. */
  storage?: 'indexeddb' | 'memory' | OutboxStorage | undefined;
  /** How long a request may take, in milliseconds. Default 10,000. */
  requestTimeout?: number | undefined;
  /** How often a message is sent, while connected, before it has failed. Default 8. */
  sendAttempts?: number | undefined;
  /** How many conversations or messages are loaded at a time, 1–100. Default 50. */
  pageSize?: number | undefined;
}
