import { io, type Socket } from 'socket.io-client';
import { backoff } from './backoff.js';
import { asError, CallboardError } from './errors.js';
import { Cell } from './observable.js';
import type { Settings } from './settings.js';
import type { ConnectionStatus, TransportName } from './status.js';
import type { Tokens } from './tokens.js';
import type { Ack, ClientEvents, Ready, ServerEvents } from './wire.js';

type Timer = ReturnType<typeof setTimeout>;

/** The events that are answered, and how. */
type Answers = {
  [E in keyof ClientEvents as Parameters<ClientEvents[E]>[1] extends undefined ? never : E]: Parameters<
    ClientEvents[E]
  >[1] extends (answer: Ack<infer Answer>) => void
    ? Answer
    : never;
};

/** What a connection tells its owner. */
export interface ConnectionHooks {
  /** Everything is subscribed. If it was recovered, everything missed has come already. */
  ready(recovered: boolean): void;
  lost(): void;
  /** The user looks at the page again. */
  shown(): void;
  /** The server refuses the token. */
  loggedOut(error: CallboardError): void;
}

const LONGEST_TIMER = 2 ** 31 - 1;
/** A connection that breaks before it has stood for so long, in milliseconds, is one more attempt that has failed. */
const STEADY = 5_000;
const REFUSALS = new Set(['invalid_token', 'token_missing', 'token_expired']);

/**
 * The socket, and its coming back.
 *
 * There is one socket for the life of the client, for it carries what recovery needs from one connection to the next. It
 * does not reconnect by itself: each attempt begins with a token, and is over only when the server says `ready`.
 */
export class Connection {
  readonly status = new Cell<ConnectionStatus>({ state: 'idle' });
  readonly socket: Socket<ServerEvents, ClientEvents>;
  #phase: 'down' | 'waiting' | 'trying' | 'up' = 'down';
  /** Attempts that have failed since a connection was steady. */
  #failures = 0;
  #upSince = 0;
  /** Whether an expired token was replaced already, since the connection stood. */
  #renewed = false;
  #timer: Timer | undefined;
  #refreshTimer: Timer | undefined;
  #round = 0;

  constructor(
    readonly settings: Settings,
    readonly tokens: Tokens,
    readonly hooks: ConnectionHooks,
  ) {
    this.socket = io(settings.socketUrl, {
      autoConnect: false,
      forceNew: true,
      reconnection: false,
      timeout: settings.timeout,
      transports: [...settings.transports],
      tryAllTransports: true,
    });
    this.socket.on('connect_error', (error) => this.#refused(error));
    this.socket.on('disconnect', (reason) => this.#broken(reason));
    this.socket.on('ready', (ready) => this.#ready(ready));
    this.socket.on('token-expired', () => this.#refresh());
    for (const [target, event] of this.#signals()) target?.addEventListener(event, this.#environment);
  }

  /** Connects now, unless that is done or under way already. */
  connect(): void {
    if (this.#phase === 'trying' || this.#phase === 'up' || this.status.get().state === 'closed') return;
    this.#failures = 0;
    this.#renewed = false;
    this.#try();
  }

  get isUp(): boolean {
    return this.#phase === 'up';
  }

  /** Sends an event if there is a connection; whether there is. */
  tell<E extends 'leave-conversation' | 'typing-start' | 'typing-stop' | 'mark-delivered'>(
    event: E,
    ...data: Parameters<ClientEvents[E]>
  ): boolean {
    if (this.isUp) this.socket.emit(event, ...data);
    return this.isUp;
  }

  /** Sends an event and resolves to its acknowledgement. */
  async ask<E extends keyof Answers>(event: E, data: Parameters<ClientEvents[E]>[0]): Promise<Answers[E]> {
    if (!this.isUp) throw new CallboardError('network', 'There is no connection.');
    const socket = this.socket.timeout(this.settings.requestTimeout) as unknown as {
      emitWithAck(event: E, data: unknown): Promise<Ack<Answers[E]>>;
    };
    const answer = await socket.emitWithAck(event, data).catch((cause) => {
      throw new CallboardError('timeout', 'The server did not answer in time.', { cause });
    });
    if (!answer.ok) throw new CallboardError(answer.error.code, answer.error.message);
    return answer;
  }

  /** Disconnects for good. */
  close(): void {
    for (const [target, event] of this.#signals()) target?.removeEventListener(event, this.#environment);
    this.#stop({ state: 'closed' });
    this.socket.off();
  }

  /** Disconnects because the server refuses the token; `connect` tries again. */
  logOut(error: CallboardError): void {
    const { state } = this.status.get();
    if (state === 'closed' || state === 'logged-out') return;
    this.tokens.drop();
    this.#stop({ state: 'logged-out', error });
    this.hooks.loggedOut(error);
  }

  #try(): void {
    clearTimeout(this.#timer);
    const round = ++this.#round;
    this.#phase = 'trying';
    this.#timer = setTimeout(() => this.#timedOut(), this.settings.timeout);
    this.tokens.fetch().then(
      (token) => {
        if (round !== this.#round) return;
        this.socket.auth = { token };
        this.socket.connect();
        // Until the engine is open, the socket does not hear that it was closed.
        const { engine } = this.socket.io;
        const closed = (reason: string) => round === this.#round && this.#broken(reason);
        engine.once('close', closed);
        engine.once('open', () => engine.off('close', closed));
      },
      (error) => round === this.#round && this.#failed(error),
    );
    this.status.set(
      this.#failures === 0 ? { state: 'connecting' } : { state: 'reconnecting', attempt: this.#failures },
    );
  }

  #ready({ userId, serverTime }: Ready): void {
    this.tokens.skew = Date.parse(serverTime) - Date.now();
    // On a connection that stands it only brings a new cursor.
    if (this.#phase !== 'trying') return;
    // What is queued here is not theirs to send.
    if (userId !== this.settings.userId) {
      this.logOut(new CallboardError('forbidden', `The token is ${userId}’s.`));
      return;
    }
    clearTimeout(this.#timer);
    this.#phase = 'up';
    this.#upSince = Date.now();
    this.#renewed = false;
    const { engine } = this.socket.io;
    const show = () => this.status.set({ state: 'connected', transport: engine.transport.name as TransportName });
    engine.once('upgrade', () => this.isUp && show());
    this.#scheduleRefresh();
    show();
    // Whoever hears of it may close.
    if (this.isUp) this.hooks.ready(this.socket.recovered === true);
  }

  /** The engine could not connect, or the server answered CONNECT_ERROR. */
  #refused(cause: Error & { data?: { code?: string } }): void {
    const code = cause.data?.code;
    if (code === undefined || !REFUSALS.has(code)) {
      this.#failed(new CallboardError(code ?? 'network', cause.message, { cause }));
    } else if (code === 'token_expired' && !this.#renewed) {
      this.#renewed = true;
      this.#try();
    } else {
      this.logOut(new CallboardError(code, cause.message, { status: 401, cause }));
    }
  }

  #timedOut(): void {
    // A transport that neither connects nor fails would be tried first again, and again in vain.
    if (this.socket.io.engine?.readyState === 'opening') this.#avoid();
    this.#failed(new CallboardError('timeout', 'The server did not answer in time.'));
  }

  /** The connection, or what there was of it, has ended without our doing. */
  #broken(reason: string): void {
    // Once it may be a server that leaves; the server's own `disconnect` is never the transport's fault.
    const again = !this.isUp || (this.#failures > 0 && !this.#isSteady);
    if (reason.startsWith('transport') && again) this.#avoid();
    this.#failed(new CallboardError('network', `The connection broke: ${reason}.`));
  }

  /** What is in between may cut a transport: it is tried last from now on, and not upgraded to before a connection is steady. */
  #avoid(): void {
    const { opts, engine } = this.socket.io;
    const isCut = (name: TransportName) => Number(name === engine.transport.name);
    opts.transports = [...this.settings.transports].sort((a, b) => isCut(a) - isCut(b));
    opts.upgrade = false;
  }

  get #isSteady(): boolean {
    return this.isUp && Date.now() - this.#upSince >= STEADY;
  }

  /** The attempt has failed, or the connection is lost: disconnects what is left of it, and waits for the next attempt. */
  #failed(error: CallboardError): void {
    if (this.#phase !== 'trying' && this.#phase !== 'up') return;
    if (this.#isSteady) {
      this.#failures = 0;
      this.socket.io.opts.upgrade = true;
    }
    const { delays, jitter, attempts } = this.settings.reconnection;
    if (this.#failures >= attempts) {
      this.#stop({ state: 'failed', error });
    } else if (isOffline()) {
      this.#stop({ state: 'offline', error });
    } else {
      const attempt = this.#failures + 1;
      const delay = backoff(attempt, delays, jitter);
      this.#failures = attempt;
      this.#stop({ state: 'reconnecting', attempt, retryAt: Date.now() + delay, error }, delay);
    }
  }

  /** Disconnects, and tries again after `delay` if there is one. */
  #stop(status: ConnectionStatus, delay?: number): void {
    const wasUp = this.isUp;
    this.#round++;
    this.#phase = 'down';
    clearTimeout(this.#timer);
    clearTimeout(this.#refreshTimer);
    this.socket.disconnect();
    if (delay !== undefined) {
      this.#phase = 'waiting';
      this.#timer = setTimeout(() => this.#try(), delay);
    }
    this.status.set(status);
    if (wasUp) this.hooks.lost();
  }

  #scheduleRefresh(): void {
    const left = this.tokens.timeLeft();
    if (left === undefined) return;
    // A token that is good for less than `refreshBefore` is replaced at half of what is left of it.
    const delay = Math.max(left - this.settings.refreshBefore, left / 2, 1000);
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => this.#refresh(), Math.min(delay, LONGEST_TIMER));
  }

  /** Replaces the connection's token. What fails is tried again, until the server closes the connection. */
  async #refresh(): Promise<void> {
    const round = this.#round;
    const current = () => round === this.#round;
    clearTimeout(this.#refreshTimer);
    try {
      const token = await this.tokens.fetch();
      if (current()) await this.ask('refresh-token', { token });
    } catch (error) {
      const { code } = asError(error);
      // Forbidden is a token of another user.
      if (current() && (REFUSALS.has(code) || code === 'forbidden')) return this.logOut(asError(error));
    }
    if (current()) this.#scheduleRefresh();
  }

  /** What the browser says: the network went or came, or the user looks at the page again. */
  readonly #environment = ({ type }: Event): void => {
    const { state } = this.status.get();
    if (type === 'offline') {
      if (this.#phase === 'waiting') this.#stop({ state: 'offline' });
    } else if (type === 'online') {
      if (this.#phase === 'waiting' || state === 'offline' || state === 'failed') this.connect();
    } else if (document.visibilityState === 'visible') {
      this.hooks.shown();
      if (state === 'failed') this.connect();
    }
  };

  #signals(): [EventTarget | undefined, string][] {
    const page = globalThis.window as EventTarget | undefined;
    return [
      [page, 'online'],
      [page, 'offline'],
      [globalThis.document as EventTarget | undefined, 'visibilitychange'],
    ];
  }
}

const isOffline = () => globalThis.navigator?.onLine === false;
