/** The server's codes, and those of the client itself. New ones may be added. */
export type ErrorCode =
  | 'invalid_data'
  | 'invalid_token'
  | 'token_expired'
  | 'token_missing'
  | 'forbidden'
  | 'not_found'
  | 'too_large'
  | 'rate_limited'
  | 'unavailable'
  | 'internal'
  /** The server could not be reached, or the connection broke. */
  | 'network'
  /** The server did not answer in time. */
  | 'timeout'
  /** `getToken` failed. */
  | 'token_unavailable'
  /** The browser's storage cannot be used: the queue lives in memory and does not survive a reload. */
  | 'storage_unavailable'
  /** The client was closed. */
  | 'closed';

/** Why something was not done. */
export class CallboardError extends Error {
  override readonly name = 'CallboardError';
  /** What is wrong, for programs. */
  readonly code: ErrorCode | (string & {});
  /** The HTTP status, if a request was answered. */
  readonly status?: number;
  /** The server asks to wait for so many milliseconds. */
  readonly retryAfter?: number;
  /** Whether the same may succeed later without a change. */
  readonly retriable: boolean;

  constructor(
    code: ErrorCode | (string & {}),
    message: string,
    { status, retryAfter, cause }: { status?: number; retryAfter?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.code = code;
    if (status !== undefined) this.status = status;
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
    this.retriable = status === undefined ? TRANSIENT.has(code) : status === 429 || status >= 500;
  }
}

/** What passes by itself, without a status that says so; an expired token is replaced on a connection that stands. */
const TRANSIENT = new Set<string>([
  'network',
  'timeout',
  'unavailable',
  'rate_limited',
  'token_unavailable',
  'token_expired',
]);

export const closed = () => new CallboardError('closed', 'The client was closed.');

export function asError(cause: unknown): CallboardError {
  return cause instanceof CallboardError ? cause : new CallboardError('internal', String(cause), { cause });
}
