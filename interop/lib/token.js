// HS256 JSON Web Tokens, minted by hand: the tests sign what no library would.

import { createHmac } from 'node:crypto';

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs exactly these claims. */
export function sign(claims, secret, { alg = 'HS256', hash = 'sha256' } = {}) {
  const head = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
  return `${head}.${createHmac(hash, secret).update(head).digest('base64url')}`;
}

/** A token without a signature that says it needs none. */
export function unsigned(claims) {
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`;
}

export function now() {
  return Math.floor(Date.now() / 1000);
}
