import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CallboardError } from '../../src/errors.js';
import { Receipts } from '../../src/receipts.js';
import { Rooms } from '../../src/rooms.js';
import { messageList } from '../../src/state/views.js';
import { Sync } from '../../src/sync.js';
import { Typing } from '../../src/typing.js';
import type { Message } from '../../src/wire.js';
import { conversation, ID, later, message, scripted, settle } from '../support/core.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function parts() {
  const { core, script } = scripted();
  const sync = new Sync(core, { passed: () => {}, described: () => {} });
  const rooms = new Rooms(core, sync, new Typing(core), new Receipts(core, () => {}));
  const joins: unknown[] = [];
  script.ask = async (_event, id) => {
    joins.push(id);
    return { lastSeq: 1, typing: [] };
  };
  script.rest.conversation = async () => conversation(1);
  script.rest.messages = async () => [message(1)];
  script.rest.events = async () => [];
  sync.describe([conversation(1)]);
  const shown = () => messageList(ID)(core.state.get());
  return { core, script, sync, rooms, joins, shown };
}

test('of a conversation that is gone while it is loaded nothing is shown', async () => {
  const { sync, script, rooms, shown } = parts();
  const answer = later<Message[]>();
  script.rest.messages = () => answer.promise;
  rooms.open(ID);
  await settle();
  sync.remove(ID);
  answer.resolve([message(1)]);
  await settle();
  expect(shown()).toMatchObject({ items: [], loaded: false, loading: false, error: { code: 'not_found' } });
});

test('an open conversation that one is removed from, and added to again, is entered again', async () => {
  const { sync, script, rooms, joins, shown } = parts();
  rooms.open(ID);
  await settle();
  sync.remove(ID);
  expect(shown().loaded).toBe(false);
  script.rest.conversation = async () => conversation(4);
  const { unreadCount: _, lastMessage: __, ...told } = conversation(4);
  sync.take({ seq: 4, event: 'conversation-updated', data: { conversationId: ID, seq: 4, conversation: told } });
  await settle();
  expect(shown().loaded).toBe(true);
  expect(joins).toEqual([ID, ID]);
});

test('an older page that could not be loaded is loaded when the connection stands again', async () => {
  const { script, rooms, shown } = parts();
  const newest = Array.from({ length: 50 }, (_, index) => message(60 - index));
  script.rest.messages = async () => newest;
  rooms.open(ID);
  await settle();
  script.rest.messages = () => Promise.reject(new CallboardError('network', 'The server could not be reached.'));
  await rooms.loadOlder(ID);
  expect(shown().error?.code).toBe('network');
  script.rest.messages = async () => [message(10)];
  rooms.ready(true);
  await settle();
  expect(shown().error).toBeUndefined();
  expect(shown().items).toHaveLength(51);
});
