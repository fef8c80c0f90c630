import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { conversationGone } from '../../src/state/state.js';
import { typists } from '../../src/state/views.js';
import { Typing } from '../../src/typing.js';
import { ID, scripted } from '../support/core.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function parts() {
  const { core, script } = scripted();
  const heard: string[] = [];
  core.events.on('typing:start', ({ userId }) => heard.push(`${userId} starts`));
  core.events.on('typing:stop', ({ userId }) => heard.push(`${userId} stops`));
  const shown = () => typists(ID)(core.state.get()).map(({ userId }) => userId);
  return { core, script, typing: new Typing(core), heard, shown };
}

test('somebody types until they stop, or are not heard of for 7 s', () => {
  const { typing, heard, shown } = parts();
  typing.started(ID, 'bob', 'Bob');
  typing.started(ID, 'carol', null);
  expect(shown()).toEqual(['bob', 'carol']);
  vi.advanceTimersByTime(5_000);
  typing.started(ID, 'bob', 'Bob');
  vi.advanceTimersByTime(2_000);
  expect(shown()).toEqual(['bob']);
  typing.stopped(ID, 'bob');
  typing.stopped(ID, 'bob');
  expect(shown()).toEqual([]);
  expect(heard).toEqual(['bob starts', 'carol starts', 'carol stops', 'bob stops']);
  expect(vi.getTimerCount()).toBe(0);
});

test('one does not see oneself typing in another tab', () => {
  const { typing, shown } = parts();
  typing.started(ID, 'alice', 'Alice');
  expect(shown()).toEqual([]);
});

test('keys are told as one start in 2 s, and a stop 3 s after the last', () => {
  const { script, typing } = parts();
  for (let key = 0; key < 45; key++) {
    typing.typed(ID);
    vi.advanceTimersByTime(100);
  }
  expect(script.told).toEqual([
    ['typing-start', ID],
    ['typing-start', ID],
    ['typing-start', ID],
  ]);
  vi.advanceTimersByTime(2_899);
  expect(script.told).toHaveLength(3);
  vi.advanceTimersByTime(1);
  expect(script.told.at(-1)).toEqual(['typing-stop', ID]);
  typing.typed(ID);
  expect(script.told).toHaveLength(5);
});

test('sending ends the typing without a word, leaving with one', () => {
  const { script, typing, shown } = parts();
  typing.typed(ID);
  typing.sent(ID);
  vi.advanceTimersByTime(10_000);
  expect(script.told).toEqual([['typing-start', ID]]);
  typing.set(ID, true);
  typing.started(ID, 'bob', null);
  typing.left(ID);
  expect(script.told.at(-1)).toEqual(['typing-stop', ID]);
  expect(shown()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a lost connection ends all typing', () => {
  const { script, typing, heard } = parts();
  typing.typed(ID);
  typing.started(ID, 'user with spaces', null);
  script.isUp = false;
  typing.forget();
  expect(heard.at(-1)).toBe('user with spaces stops');
  expect(vi.getTimerCount()).toBe(0);
  script.isUp = true;
  typing.typed(ID);
  expect(script.told).toHaveLength(2);
});

test('who types in a conversation that is gone is forgotten like anybody', () => {
  const { core, typing, heard } = parts();
  typing.started(ID, 'bob', 'Bob');
  core.state.set(conversationGone(core.state.get(), ID));
  typing.forget();
  expect(heard).toEqual(['bob starts', 'bob stops']);
  expect(vi.getTimerCount()).toBe(0);
});
