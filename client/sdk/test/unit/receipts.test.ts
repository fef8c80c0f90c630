import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CallboardError } from '../../src/errors.js';
import { Receipts } from '../../src/receipts.js';
import { deliveryArrived, eventArrived, readArrived } from '../../src/state/state.js';
import { unreadTotal } from '../../src/state/views.js';
import { conversation, ID, know, message, newMessage, scripted } from '../support/core.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function parts() {
  const { core, script } = scripted();
  know(core, conversation(1));
  core.state.set([2, 3, 4].map((seq) => newMessage(seq)).reduce(eventArrived, core.state.get()));
  const asked: unknown[] = [];
  script.ask = async (event, data) => {
    asked.push([event, data]);
    return { readSeq: 4, unreadCount: 0 };
  };
  const unread = () => unreadTotal(core.state.get());
  const tabs: unknown[] = [];
  const receipts = new Receipts(core, (news) => tabs.push(news));
  return { core, script, receipts, asked, unread, tabs };
}

test('what was received is told after 500 ms, once, up to the newest of each conversation', () => {
  const { script, receipts } = parts();
  receipts.received([message(2), message(4)]);
  receipts.received([message(3), message(9, { conversationId: 'other' }), message(10, { senderId: 'alice' })]);
  vi.advanceTimersByTime(499);
  expect(script.told).toEqual([]);
  vi.advanceTimersByTime(1);
  const told = [
    ['mark-delivered', { conversationId: ID, seq: 4 }],
    ['mark-delivered', { conversationId: 'other', seq: 9 }],
  ];
  expect(script.told).toEqual(told);
  receipts.received([message(3), message(4)]);
  vi.advanceTimersByTime(500);
  expect(script.told).toEqual(told);
});

test('of many conversations it is told bit by bit, by the limit of the server', () => {
  const { script, receipts } = parts();
  receipts.received(Array.from({ length: 20 }, (_, index) => message(2, { conversationId: `c-${index}` })));
  vi.advanceTimersByTime(500);
  expect(script.told).toHaveLength(8);
  vi.advanceTimersByTime(2_000);
  expect(script.told).toHaveLength(16);
  vi.advanceTimersByTime(60_000);
  expect(script.told).toHaveLength(20);
  expect(vi.getTimerCount()).toBe(0);
});

test('what the server knows to be delivered is not told again', () => {
  const { core, script, receipts } = parts();
  core.state.set(readArrived(core.state.get(), { conversationId: ID, readBy: 'alice', readSeq: 4 }));
  receipts.received([message(4)]);
  vi.advanceTimersByTime(1_000);
  expect(script.told).toEqual([]);
});

test('without a connection, what was received is told when there is one', () => {
  const { script, receipts } = parts();
  script.isUp = false;
  receipts.received([message(2)]);
  vi.advanceTimersByTime(1_000);
  expect(script.told).toEqual([]);
  script.isUp = true;
  receipts.resume();
  expect(script.told).toEqual([['mark-delivered', { conversationId: ID, seq: 2 }]]);
});

test('what was told of as the connection broke is told again, unless the server has repeated it', () => {
  const { core, script, receipts } = parts();
  know(core, conversation(1, { id: 'other' }));
  receipts.received([message(4), message(2, { conversationId: 'other' })]);
  vi.advanceTimersByTime(500);
  const repeated = { conversationId: 'other', deliveredTo: 'alice', deliveredSeq: 2 };
  core.state.set(deliveryArrived(core.state.get(), repeated));
  script.told.length = 0;
  receipts.resume();
  expect(script.told).toEqual([['mark-delivered', { conversationId: ID, seq: 4 }]]);
});

test('what was read shows at once, and is told once for all calls within 300 ms', async () => {
  const { receipts, asked, unread, tabs } = parts();
  receipts.read(message(4));
  expect(unread()).toBe(0);
  expect(tabs).toEqual([]);
  receipts.read(message(4));
  await vi.advanceTimersByTimeAsync(300);
  expect(asked).toEqual([['mark-read', { conversationId: ID, messageIds: ['m-4'] }]]);
  expect(tabs).toEqual([{ type: 'read', conversationId: ID, readSeq: 4, unreadCount: 0 }]);
});

test('without a connection it goes over REST', async () => {
  const { core, script, receipts, unread } = parts();
  script.isUp = false;
  const marked: unknown[] = [];
  script.rest.markRead = (...args) => {
    marked.push(args);
    return { readSeq: 4, unreadCount: 0 };
  };
  receipts.read(message(4));
  await vi.advanceTimersByTimeAsync(300);
  expect(marked).toEqual([[ID, ['m-4']]]);
  expect(unread()).toBe(0);
  expect(core.state.get().conversations.get(ID)?.participants[0]?.readSeq).toBe(4);
});

test('what could not be told is told again on a connection that stands', async () => {
  const { script, receipts, asked } = parts();
  const answer = script.ask;
  script.ask = () => Promise.reject(new CallboardError('rate_limited', 'Wait.'));
  receipts.read(message(4));
  await vi.advanceTimersByTimeAsync(300);
  script.ask = answer;
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked).toEqual([['mark-read', { conversationId: ID, messageIds: ['m-4'] }]]);
});

test('what could not be told is told with the next connection; what is refused is not', async () => {
  const { core, script, receipts, asked } = parts();
  const errors: string[] = [];
  core.events.on('error', ({ code }) => errors.push(code));
  const answer = script.ask;
  script.ask = () => Promise.reject(new CallboardError('unavailable', 'Away.'));
  receipts.read(message(4));
  await vi.advanceTimersByTimeAsync(300);
  script.isUp = false;
  core.sleeper.wake();
  await vi.advanceTimersByTimeAsync(10_000);
  script.ask = answer;
  script.isUp = true;
  receipts.resume();
  expect(asked).toHaveLength(1);
  await vi.runAllTimersAsync();
  core.state.set(eventArrived(core.state.get(), newMessage(5)));
  script.ask = () => Promise.reject(new CallboardError('not_found', 'Gone.'));
  receipts.read(message(5));
  await vi.advanceTimersByTimeAsync(300);
  script.ask = answer;
  receipts.resume();
  expect(asked).toHaveLength(1);
  expect(errors).toEqual(['not_found']);
});

test('closing tells what is left, and leaves no timer', () => {
  const { script, receipts, asked } = parts();
  receipts.received([message(4)]);
  receipts.read(message(4));
  receipts.close();
  expect(script.told).toEqual([['mark-delivered', { conversationId: ID, seq: 4 }]]);
  expect(asked).toHaveLength(1);
  // An answer may have been on its way.
  receipts.received([message(5)]);
  expect(vi.getTimerCount()).toBe(0);
});
