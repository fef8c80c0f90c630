// One HTTP request on a connection of its own, so that a killed server leaves no stale connection behind.

import http from 'node:http';

/** Resolves to `{status, headers, text, body}`; `body` is the parsed JSON, where it is JSON. */
export function request(url, { method = 'GET', headers = {}, body, onRequest } = {}) {
  return new Promise((resolve, reject) => {
    const outgoing = http.request(url, { method, headers, agent: false }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const json = /json/.test(response.headers['content-type'] ?? '');
        resolve({
          status: response.statusCode,
          headers: response.headers,
          text,
          body: json && text ? JSON.parse(text) : undefined,
        });
      });
    });
    outgoing.on('error', reject);
    onRequest?.(outgoing);
    if (body !== undefined) outgoing.write(body);
    outgoing.end();
  });
}
