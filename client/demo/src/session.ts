// Who uses this tab, and where their tokens come from.

import { store, stored } from './stored.js';

/** Somebody who has been let in. */
export interface Session {
  readonly userId: string;
  readonly name: string;
  /** A token that was pasted, where the server gives none. */
  readonly token?: string;
}

/** The server gives no tokens: it is not `callboard dev`. */
export class NoTokens extends Error {}

/** The server is there, and gives this name no token. */
export class Refused extends Error {}

/** Where a name is enough. */
const ENTRANCE = '/dev/token';

const KEY = 'callboard-session';

/** The session of this tab: `?user=alice` begins one, a reload goes on with it. */
export function storedSession(): Session | undefined {
  const params = new URLSearchParams(location.search);
  const user = params.get('user');
  if (user) return { userId: user, name: params.get('name') ?? capitalized(user) };
  return sessionIn(stored('sessionStorage', KEY) ?? '');
}

/** What was kept may have been written by anybody. */
function sessionIn(text: string): Session | undefined {
  try {
    const session = JSON.parse(text) as Partial<Session> | null;
    const named = typeof session?.userId === 'string' && typeof session.name === 'string';
    return named ? (session as Session) : undefined;
  } catch {
    return undefined;
  }
}

export function storeSession(session: Session | undefined) {
  store('sessionStorage', KEY, session && JSON.stringify(session));
  if (!session) history.replaceState(null, '', location.pathname);
}

/** A session for this name, which doubles as the user's id. */
export function sessionOf(name: string): Session {
  const shown = name.trim();
  return { userId: shown.toLowerCase().replace(/\s+/g, '-'), name: shown };
}

/** The session that a pasted token is for; undefined if it is no token. */
export function sessionOfToken(token: string): Session | undefined {
  try {
    const part = token.trim().split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const user = claims.sub ?? claims.userId ?? claims.id;
    if (user === undefined) return undefined;
    return { userId: String(user), name: String(claims.name ?? user), token: token.trim() };
  } catch {
    return undefined;
  }
}

/** Whether the server gives tokens to who says a name. Of one that cannot be reached that is assumed: it may come back. */
export async function givesTokens(): Promise<boolean> {
  const response = await fetch(ENTRANCE).catch(() => undefined);
  return response?.status !== 404;
}

/** A token for a session. Throws `NoTokens` where there are none to be had. */
export async function tokenFor({ userId, name, token }: Session): Promise<string> {
  if (token) return token;
  const response = await fetch(ENTRANCE, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ userId, name, ...lifetime() }),
  });
  if (response.status === 404) throw new NoTokens('this server gives no tokens');
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as { detail?: string };
    throw new Refused(problem.detail ?? `The server answers ${response.status}.`);
  }
  return ((await response.json()) as { token: string }).token;
}

/** `?ttl=30`: tokens that soon expire, to see what happens then. */
function lifetime(): { ttlSeconds?: number } {
  const ttl = Number(new URLSearchParams(location.search).get('ttl'));
  return ttl > 0 ? { ttlSeconds: ttl } : {};
}

function capitalized(id: string): string {
  return id.charAt(0).toUpperCase() + id.slice(1);
}
