import { CallboardError } from './errors.js';
import type { CallboardOptions, ReconnectionOptions } from './options.js';

/** The options, with the defaults for what is absent. */
export type Settings = Required<Defined<Omit<CallboardOptions, 'userName' | 'reconnection'>>> & {
  readonly userName: string | null;
  readonly reconnection: Required<Defined<ReconnectionOptions>>;
};

type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

export function settings(options: CallboardOptions): Settings {
  const url = (options.url ?? globalThis.location?.origin)?.replace(/\/+$/, '');
  if (!url) throw new CallboardError('invalid_data', 'Outside a page the option url is needed.');
  return {
    socketUrl: url,
    timeout: 20_000,
    transports: ['websocket', 'polling'],
    refreshBefore: 60_000,
    storage: globalThis.indexedDB ? 'indexeddb' : 'memory',
    requestTimeout: 10_000,
    sendAttempts: 8,
    pageSize: 50,
    ...present(options),
    url,
    userName: options.userName ?? null,
    reconnection: {
      delays: [1000, 2000, 4000, 8000, 16_000],
      jitter: 0.2,
      attempts: 5,
      ...present(options.reconnection),
    },
  };
}

/** Without what is undefined, which is as good as absent. */
const present = <T extends object>(options = {} as T): Defined<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
