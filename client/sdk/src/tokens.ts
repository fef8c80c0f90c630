import { asError, CallboardError, closed } from './errors.js';

/** The application's tokens: fetches them, remembers the last one, and knows when it expires. */
export class Tokens {
  /** How far the server's clock is ahead of ours, in milliseconds. */
  skew = 0;
  #token: string | undefined;
  #fetching: Promise<string> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #giveUp = (_why: Error) => {};

  /** `timeout` bounds a call of `getToken`, in milliseconds. */
  constructor(
    readonly getToken: () => string | Promise<string>,
    readonly timeout: number,
  ) {}

  /** The last token, or a new one if that has expired. */
  async current(): Promise<string> {
    return this.#token !== undefined && (this.timeLeft() ?? 1) > 0 ? this.#token : this.fetch();
  }

  /** A token fetched now. Those who ask meanwhile get the same. */
  fetch(): Promise<string> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** How long the last token is good for, in milliseconds; undefined if there is none, or it does not say. */
  timeLeft(): number | undefined {
    const exp = this.#token === undefined ? undefined : expiry(this.#token);
    return exp === undefined ? undefined : exp * 1000 - Date.now() - this.skew;
  }

  /** The server refuses a token, which is not used again; whether that was the last one. */
  drop(token = this.#token): boolean {
    const wasLast = token === this.#token;
    if (wasLast) this.#token = undefined;
    return wasLast;
  }

  /** Nobody waits for a token any more. */
  close(): void {
    clearTimeout(this.#timer);
    this.#giveUp(closed());
  }

  async #fetch(): Promise<string> {
    try {
      this.#token = await new Promise<string>((given, refused) => {
        this.#giveUp = refused;
        this.#timer = setTimeout(() => this.#giveUp(new Error('getToken did not answer in time')), this.timeout);
        Promise.resolve(this.getToken()).then(given, refused);
      });
      return this.#token;
    } catch (cause) {
      if (asError(cause).code === 'closed') throw cause;
      throw new CallboardError('token_unavailable', `No token: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    } finally {
      this.close();
    }
  }
}

/** The claim `exp` of a JWT, in seconds since the epoch. */
function expiry(token: string): number | undefined {
  try {
    const payload = token.split('.')[1] ?? '';
    const { exp } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { exp?: unknown };
    return typeof exp === 'number' ? exp : undefined;
  } catch {
    return undefined;
  }
}
