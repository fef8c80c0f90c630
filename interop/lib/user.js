// One user of the platform: an id, a name, tokens, and the REST API as this user.

import assert from 'node:assert/strict';
import { request } from './http.js';

const CONVERSATIONS = '/messages/conversations';

export class User {
  constructor(server, id, name) {
    this.server = server;
    this.id = id;
    this.name = name;
  }

  token(claims = {}) {
    return this.server.mint({ sub: this.id, name: this.name, ...claims });
  }

  /** Any request under this user's token; `body` goes out as JSON. */
  request(method, path, body, headers = {}) {
    this.bearer ??= this.token();
    return request(this.server.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.bearer}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }

  get(path, headers) {
    return this.request('GET', path, undefined, headers);
  }

  post(path, body, headers) {
    return this.request('POST', path, body, headers);
  }

  patch(path, body, headers) {
    return this.request('PATCH', path, body, headers);
  }

  delete(path) {
    return this.request('DELETE', path);
  }

  /** Creates a conversation with these users. */
  async create(others = [], fields = {}) {
    const body = { participantIds: others.map((user) => user.id), ...fields };
    return expect(201, await this.post(CONVERSATIONS, body));
  }

  async send(conversationId, content, fields = {}) {
    return expect(201, await this.post(`${CONVERSATIONS}/${conversationId}/messages`, { content, ...fields }));
  }

  async read(conversationId, messageIds) {
    const body = messageIds && { messageIds };
    return expect(200, await this.patch(`${CONVERSATIONS}/${conversationId}/read`, body));
  }

  async conversation(id) {
    return expect(200, await this.get(`${CONVERSATIONS}/${id}`));
  }

  async rename(id, title) {
    return expect(200, await this.patch(`${CONVERSATIONS}/${id}`, { title }));
  }

  async add(id, ...users) {
    const body = { userIds: users.map((user) => user.id) };
    return expect(200, await this.post(`${CONVERSATIONS}/${id}/participants`, body));
  }

  async remove(id, user) {
    expect(204, await this.delete(`${CONVERSATIONS}/${id}/participants/${user.id}`));
  }

  async deleteConversation(id) {
    expect(204, await this.delete(`${CONVERSATIONS}/${id}`));
  }

  /** All sequenced events after `seq`, page by page. */
  async events(id, seq = 0, limit = 100) {
    const found = [];
    for (let last = seq; ; last = found.at(-1).seq) {
      const { items } = expect(200, await this.get(`${CONVERSATIONS}/${id}/events?after=${last}&limit=${limit}`));
      found.push(...items);
      if (items.length < limit) return found;
    }
  }

  async sync(cursors) {
    return expect(200, await this.post('/messages/sync', { cursors }));
  }
}

function expect(status, answer) {
  assert.equal(answer.status, status, `expected ${status}, got ${answer.status}: ${answer.text}`);
  return answer.body;
}
