// The list of conversations, with a client whose state the tests set.

import { act, render, screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConversationsList, MessagingProvider } from '../src/index.js';
import { conversation, message, Stage } from './support/stage.js';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

afterEach(() => void vi.useRealTimers());

function show() {
  return render(
    <MessagingProvider client={stage.client}>
      <ConversationsList selectedId="c1" onSelect={() => undefined} />
      <button type="button">Next</button>
    </MessagingProvider>,
  );
}

test('from wherever the arrow keys have led, Tab leaves the list', async () => {
  const items = ['c0', 'c1', 'c2'].map((id) => conversation(id, ['bob'], { title: id }));
  stage.conversations.change({ items });
  show();
  const row = (id: string) => screen.getByRole('button', { name: new RegExp(id) });
  await userEvent.tab();
  expect(document.activeElement).toBe(row('c1'));
  await userEvent.keyboard('{ArrowUp}');
  expect(document.activeElement).toBe(row('c0'));
  await userEvent.tab();
  expect(document.activeElement).toBe(screen.getByRole('button', { name: 'Next' }));
  await userEvent.tab({ shift: true });
  expect(document.activeElement).toBe(row('c1'));
});

test('at midnight, today becomes yesterday', () => {
  vi.useFakeTimers({ now: new Date(2026, 2, 18, 23, 59, 30) });
  const lastMessage = { ...message(2, 'bob'), id: 'm2', seq: 2, clientMessageId: null };
  stage.conversations.change({ items: [conversation('c1', ['bob'], { lastMessage })] });
  const { container } = show();
  const shown = () => container.querySelector('time')?.textContent;
  expect(shown()).toMatch(/59/);
  act(() => void vi.advanceTimersByTime(60_000));
  expect(shown()).toBe('Yesterday');
});

test('several people without a title are in their picture, however many there are', () => {
  const items = [conversation('c1', ['bob', 'carol', 'dan', 'eve', 'frank'])];
  stage.conversations.change({ items });
  const { container } = show();
  expect(screen.getByText('bob, carol, dan +2')).toBeDefined();
  expect(container.querySelector('.callboard-avatar')?.textContent).toBe('BF');
});
