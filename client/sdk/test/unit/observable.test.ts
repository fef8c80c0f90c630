import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Emitter } from '../../src/emitter.js';
import { Cell, select } from '../../src/observable.js';

/** What was thrown where nobody catches it. */
let uncaught: unknown[];
const queue = globalThis.queueMicrotask;

beforeEach(() => {
  uncaught = [];
  vi.stubGlobal('queueMicrotask', (task: () => void) =>
    queue(() => {
      try {
        task();
      } catch (error) {
        uncaught.push(error);
      }
    }),
  );
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const fail = () => {
  throw new Error('not ours');
};

test('an observable tells of changes, and of nothing else', () => {
  const cell = new Cell({ a: 1, b: 1 });
  const seen: number[] = [];
  const a = select(cell, (value) => value.a);
  const stop = a.subscribe(() => seen.push(a.get()));
  cell.set({ a: 1, b: 2 });
  cell.set({ a: 2, b: 2 });
  cell.set(cell.get());
  stop();
  cell.set({ a: 3, b: 3 });
  expect(seen).toEqual([2]);
});

test('the same listener may subscribe twice', () => {
  const cell = new Cell(0);
  let calls = 0;
  const listener = () => calls++;
  const stop = cell.subscribe(listener);
  cell.subscribe(listener);
  stop();
  stop();
  cell.set(1);
  expect(calls).toBe(1);
});

test('what a listener throws is reported, and stops nobody', async () => {
  const cell = new Cell(0);
  const emitter = new Emitter<{ event: number }>();
  const heard: string[] = [];
  cell.subscribe(fail);
  cell.subscribe(() => heard.push('cell'));
  emitter.on('event', fail);
  emitter.on('event', (event) => heard.push(`event ${event}`));
  cell.set(1);
  emitter.emit('event', 1);
  await new Promise((done) => setImmediate(done));
  expect(heard).toEqual(['cell', 'event 1']);
  expect(uncaught).toHaveLength(2);
});

test('a handler is removed by what on returned, or by off', () => {
  const emitter = new Emitter<{ event: number }>();
  const heard: number[] = [];
  const handler = (event: number) => heard.push(event);
  emitter.on('event', handler)();
  emitter.emit('event', 1);
  emitter.on('event', handler);
  emitter.off('event', handler);
  emitter.emit('event', 2);
  expect(heard).toEqual([]);
});
