// The shapes of the contract, key by key.

import assert from 'node:assert/strict';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const MESSAGE = ['clientMessageId', 'content', 'conversationId', 'createdAt', 'id', 'senderId', 'senderName', 'seq'];
const SHARED = ['createdAt', 'createdBy', 'id', 'kind', 'lastSeq', 'participantCount', 'participants', 'title', 'updatedAt'];

/** A well-formed id that names nothing. */
export const NOBODYS_ID = '01890a5d-ac96-774b-bcce-b302099a8057';

export function isTime(value) {
  assert.match(value, TIME);
}

export function isId(value) {
  assert.match(value, UUID_V7);
}

export function hasKeys(value, keys) {
  assert.deepEqual(Object.keys(value).sort(), [...keys].sort());
}

export function isMessage(value) {
  hasKeys(value, MESSAGE);
  isId(value.id);
  isTime(value.createdAt);
}

/** As a reader gets it over REST. */
export function isConversation(value) {
  hasKeys(value, [...SHARED, 'lastMessage', 'unreadCount']);
  isId(value.id);
  isTime(value.createdAt);
  isTime(value.updatedAt);
  for (const participant of value.participants) {
    hasKeys(participant, ['deliveredSeq', 'joinedAt', 'name', 'readSeq', 'userId']);
    isTime(participant.joinedAt);
  }
}

/** As everyone gets it in `conversation-updated`: without what differs by reader or by the moment. */
export function isAnnouncedConversation(value) {
  hasKeys(value, SHARED);
  for (const participant of value.participants) hasKeys(participant, ['joinedAt', 'name', 'userId']);
}

export function isProblem(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  const { body } = answer;
  assert.equal(body.code, code, answer.text);
  assert.equal(body.status, status);
  for (const key of ['type', 'title', 'detail']) assert.equal(typeof body[key], 'string', `${key} in ${answer.text}`);
  if (status === 429 || status === 503) assert.match(answer.headers['retry-after'], /^\d+$/);
}

/** A 400 that says which field is wrong. */
export function isInvalid(answer, field) {
  isProblem(answer, 400, 'invalid_data');
  if (field === undefined) return;
  assert.ok(Array.isArray(answer.body.errors), answer.text);
  for (const error of answer.body.errors) {
    assert.equal(typeof error.field, 'string');
    assert.equal(typeof error.message, 'string');
  }
  assert.ok(answer.body.errors.some((error) => error.field.startsWith(field)), `${field} in ${answer.text}`);
}

export const userIds = (conversation) => conversation.participants.map((participant) => participant.userId).sort();

export const participant = (conversation, user) =>
  conversation.participants.find((candidate) => candidate.userId === user.id);
