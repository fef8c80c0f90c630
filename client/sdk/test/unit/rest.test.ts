// Requests, against an HTTP server that answers what a test says.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { CallboardError } from '../../src/errors.js';
import { Rest } from '../../src/rest.js';
import { settings } from '../../src/settings.js';
import { Tokens } from '../../src/tokens.js';

let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: string[];
let refused: CallboardError[];

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests = [];
  refused = [];
});

const opened: Rest[] = [];
afterEach(() => {
  for (const rest of opened.splice(0)) rest.close();
});

function rest(tokens = ['t1', 't2'], requestTimeout = 5_000): Rest {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const given = settings({ url, userId: 'alice', getToken: () => tokens.shift() ?? 'none', requestTimeout });
  const one = new Rest(given, new Tokens(given.getToken, 1_000), (error) => refused.push(error));
  opened.push(one);
  return one;
}

const problem = (response: ServerResponse, status: number, code: string, headers = {}) =>
  response
    .writeHead(status, { 'Content-Type': 'application/problem+json', ...headers })
    .end(JSON.stringify({ status, code, detail: `Because of ${code}.` }));

test('paths and bodies are encoded', async () => {
  let body = '';
  answer = (request, response) => {
    request.on('data', (text) => (body += text)).on('end', () => response.end('{}'));
  };
  const api = rest();
  await api.removeParticipant('id', 'a/b c?').catch(() => {});
  await api.conversations('cur+sor&');
  await api.messages('id', 7);
  await api.send('id', { content: 'Älïçé 🎭', clientMessageId: 'c' });
  expect(requests).toEqual([
    'DELETE /messages/conversations/id/participants/a%2Fb%20c%3F Bearer t1',
    'GET /messages/conversations?limit=50&cursor=cur%2Bsor%26 Bearer t1',
    'GET /messages/conversations/id/messages?limit=50&before=7 Bearer t1',
    'POST /messages/conversations/id/messages Bearer t1',
  ]);
  expect(JSON.parse(body)).toEqual({ content: 'Älïçé 🎭', clientMessageId: 'c' });
});

test.each([
  [400, 'invalid_data', false],
  [403, 'forbidden', false],
  [404, 'not_found', false],
  [413, 'too_large', false],
  [429, 'rate_limited', true],
  [500, 'internal', true],
  [503, 'unavailable', true],
])('%i is an error with the code of the problem', async (status, code, retriable) => {
  answer = (_request, response) => problem(response, status, code, { 'Retry-After': '3' });
  await expect(rest().conversation('id')).rejects.toMatchObject({
    name: 'CallboardError',
    message: `Because of ${code}.`,
    code,
    status,
    retriable,
    retryAfter: 3_000,
  });
});

test('an answer that is not the server’s has a code by its status', async () => {
  answer = (_request, response) => response.writeHead(502, 'Bad Gateway').end('<html>');
  await expect(rest().conversation('id')).rejects.toMatchObject({ code: 'unavailable', status: 502, retriable: true });
});

test('an expired token is replaced, once', async () => {
  answer = ({ headers }, response) => {
    if (headers.authorization === 'Bearer t1') problem(response, 401, 'token_expired');
    else response.end('{"id": "x"}');
  };
  expect(await rest().conversation('x')).toEqual({ id: 'x' });
  expect(refused).toEqual([]);
  answer = (_request, response) => problem(response, 401, 'token_expired');
  await expect(rest().conversation('x')).rejects.toMatchObject({ code: 'token_expired', retriable: false });
  expect(requests).toHaveLength(4);
  expect(refused).toHaveLength(1);
});

test('a token that does not count is replaced, once', async () => {
  answer = ({ headers }, response) => {
    if (headers.authorization === 'Bearer t1') problem(response, 401, 'invalid_token');
    else response.end('{"id": "x"}');
  };
  expect(await rest().conversation('x')).toEqual({ id: 'x' });
  expect(refused).toEqual([]);
  answer = (_request, response) => problem(response, 401, 'invalid_token');
  await expect(rest().conversation('x')).rejects.toMatchObject({ code: 'invalid_token' });
  expect(requests).toHaveLength(4);
  expect(refused).toMatchObject([{ code: 'invalid_token', status: 401 }]);
});

test('a refusal of a token that was replaced meanwhile says nothing of the newer one', async () => {
  for (const code of ['invalid_token', 'token_expired']) {
    requests = [];
    const api = rest(['t1', 't2', 't3']);
    const late: ServerResponse[] = [];
    answer = ({ headers, url }, response) => {
      if (headers.authorization !== 'Bearer t1') response.end('{}');
      else if (url?.endsWith('slow')) late.push(response);
      else problem(response, 401, 'token_expired');
    };
    const slow = api.conversation('slow');
    await expect.poll(() => late.length).toBe(1);
    await api.conversation('quick');
    for (const response of late) problem(response, 401, code);
    await slow;
    expect(requests.at(-1)).toContain('slow Bearer t2');
    expect(refused).toEqual([]);
  }
});

test('a token that was refused is not used again', async () => {
  answer = ({ headers }, response) => {
    if (headers.authorization !== 'Bearer t3') problem(response, 401, 'invalid_token');
    else response.end('{"id": "x"}');
  };
  const api = rest(['t1', 't2', 't3']);
  await expect(api.conversation('x')).rejects.toMatchObject({ code: 'invalid_token' });
  expect(await api.conversation('x')).toEqual({ id: 'x' });
});

test('no answer in time, no server, no client', async () => {
  answer = () => {};
  await expect(rest(['t'], 50).conversation('x')).rejects.toMatchObject({ code: 'timeout', retriable: true });
  answer = (request) => request.socket.destroy();
  await expect(rest().conversation('x')).rejects.toMatchObject({ code: 'network', retriable: true });
  answer = () => one.close();
  const one = rest();
  await expect(one.conversation('x')).rejects.toMatchObject({ code: 'closed', retriable: false });
  await expect(one.conversation('x')).rejects.toMatchObject({ code: 'closed' });
});
