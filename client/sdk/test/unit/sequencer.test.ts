import { expect, test } from 'vitest';
import { Sequencer } from '../../src/sequencer.js';
import { ID, newMessage } from '../support/core.js';

const numbers = (events: { seq: number }[]) => events.map(({ seq }) => seq);

test('each event passes once, in order, whatever comes when', () => {
  const sequencer = new Sequencer();
  sequencer.follow(ID, 3);
  expect(numbers(sequencer.accept(ID, [newMessage(3)]))).toEqual([]);
  expect(numbers(sequencer.accept(ID, [newMessage(6)]))).toEqual([]);
  expect(sequencer.behind).toEqual([ID]);
  expect(numbers(sequencer.accept(ID, [newMessage(4)]))).toEqual([4]);
  expect(numbers(sequencer.accept(ID, [newMessage(5), newMessage(6)]))).toEqual([5, 6]);
  expect(numbers(sequencer.accept(ID, [newMessage(5)]))).toEqual([]);
  expect(sequencer.behind).toEqual([]);
  expect(sequencer.cursor(ID)).toBe(6);
});

test('any order of arrival, with repetitions, gives the same', () => {
  const events = [1, 2, 3, 4, 5].map((seq) => newMessage(seq));
  for (let run = 0; run < 200; run++) {
    const sequencer = new Sequencer();
    sequencer.follow(ID, 0);
    const arrivals = [...events, ...events].sort(() => Math.random() - 0.5);
    expect(numbers(arrivals.flatMap((event) => sequencer.accept(ID, [event])))).toEqual([1, 2, 3, 4, 5]);
  }
});

test('what came before its conversation was known passes when it is, though the state has it already', () => {
  const sequencer = new Sequencer();
  expect(sequencer.accept(ID, [newMessage(8), newMessage(7)])).toEqual([]);
  expect(sequencer.isBehind(ID)).toBe(true);
  expect(numbers(sequencer.follow(ID, 8))).toEqual([7, 8]);
  expect(numbers(sequencer.follow(ID, 20))).toEqual([]);
  expect(sequencer.cursor(ID)).toBe(8);
});

test('what is forgotten starts anew', () => {
  const sequencer = new Sequencer();
  sequencer.follow(ID, 8);
  sequencer.accept(ID, [newMessage(10)]);
  sequencer.forget(ID);
  expect(sequencer.follows(ID)).toBe(false);
  expect(sequencer.behind).toEqual([]);
});
