// The list of messages, with a client whose state the tests set.

import { CallboardError } from '@callboard/client';
import { act, render, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { VirtuosoMockContext } from 'react-virtuoso';
import { beforeEach, expect, test } from 'vitest';
import { Conversation, MessageList, MessagingProvider } from '../src/index.js';
import { conversation, message, Stage } from './support/stage.js';

let stage: Stage;

beforeEach(() => {
  stage = new Stage();
});

function show(children: React.ReactNode) {
  return render(
    <VirtuosoMockContext.Provider value={{ viewportHeight: 600, itemHeight: 40 }}>
      <MessagingProvider client={stage.client}>{children}</MessagingProvider>
    </VirtuosoMockContext.Provider>,
  );
}

const rows = () => within(screen.getByRole('region', { name: 'Messages' })).findAllByRole('listitem');

test('a conversation that is opened again begins where it is new now', async () => {
  const scene = stage.conversation('c1');
  const items = Array.from({ length: 200 }, (_, index) => message(index + 2, 'bob'));
  // What is known from the last time, until it is opened.
  scene.messages.change({ items, firstUnreadSeq: 3 });
  scene.state.set(conversation('c1', ['bob']));
  scene.open.mockImplementation(() => {
    const { firstUnreadSeq: _, ...rest } = scene.messages.get();
    scene.messages.set(rest);
    return scene.close;
  });
  show(<MessageList conversationId="c1" />);
  expect(await screen.findByText('Message 201')).toBeDefined();
  expect(screen.queryByText('Message 3')).toBeNull();
});

test('who comes back into a conversation that is open gets its messages', async () => {
  const scene = stage.conversation('c1');
  const here = conversation('c1', ['bob', 'carol']);
  scene.state.set(here);
  show(<Conversation conversationId="c1" />);
  expect(scene.open).toHaveBeenCalledTimes(1);

  act(() => scene.state.set(undefined));
  expect(await screen.findByText('This conversation is not available')).toBeDefined();
  expect(scene.close).toHaveBeenCalledTimes(1);
  act(() => scene.state.set(here));
  expect(screen.getByText('Say hello!')).toBeDefined();
  expect(scene.open).toHaveBeenCalledTimes(2);
});

test('in a group it is said who wrote, also after all others but one have left', async () => {
  const scene = stage.conversation('c1');
  scene.state.set(conversation('c1', ['bob'], { kind: 'group' }));
  scene.messages.change({ items: [message(2, 'carol'), message(3, 'bob')] });
  show(<MessageList conversationId="c1" />);
  const [first, second] = await rows();
  expect(first?.querySelector('.callboard-sender')?.textContent).toBe('carol');
  expect(second?.querySelector('.callboard-sender')?.textContent).toBe('bob');
});

test('what is new is read out, and what was not sent', async () => {
  const scene = stage.conversation('c1');
  const failed = (n: number) =>
    ({ ...message(0, 'alice'), key: `f${n}`, content: `Mine ${n}`, status: 'failed', seq: undefined }) as never;
  scene.messages.change({ items: [message(2, 'bob')] });
  show(<MessageList conversationId="c1" />);
  const log = screen.getByRole('log');
  act(() => scene.messages.change({ items: [message(2, 'bob'), failed(1), failed(2), failed(3)] }));
  expect(log.textContent).toBe('Not sent: Mine 1Not sent: Mine 2Not sent: Mine 3');
  act(() => scene.messages.change({ items: [message(2, 'bob'), message(3, 'bob'), failed(1), failed(2), failed(3)] }));
  await waitFor(() => expect(log.textContent).toBe('bob: Message 3'));
});

test('how far a message has come is told by more than a colour', async () => {
  const scene = stage.conversation('c1');
  const statuses = ['sent', 'delivered', 'read', 'failed', 'queued'] as const;
  scene.messages.change({ items: statuses.map((status, index) => message(index + 2, 'alice', { status })) });
  show(<MessageList conversationId="c1" />);
  const icons = (await rows()).map((row) => row.querySelector('[role="img"]'));
  expect(icons.map((icon) => icon?.getAttribute('aria-label'))).toContain('Delivered');
  expect(new Set(icons.map((icon) => icon?.innerHTML)).size).toBe(statuses.length);
});

test('why a message failed is written beside it', async () => {
  const scene = stage.conversation('c1');
  const error = new CallboardError('forbidden', 'You may not write here');
  const failed = { ...message(2, 'alice'), clientMessageId: 'f1', status: 'failed', error } as const;
  scene.messages.change({ items: [failed] });
  show(<MessageList conversationId="c1" />);
  expect(await screen.findByText('Not sent: You may not write here')).toBeDefined();
});

test('the keyboard stays with the messages when a button among them goes', async () => {
  const scene = stage.conversation('c1');
  const failed = { ...message(3, 'alice'), clientMessageId: 'f1', status: 'failed' } as const;
  scene.messages.change({ items: [message(2, 'bob'), failed] });
  scene.discard.mockImplementation(() => scene.messages.change({ items: [message(2, 'bob')] }));
  show(<MessageList conversationId="c1" />);
  await userEvent.click(await screen.findByRole('button', { name: 'Delete' }));
  expect(scene.discard).toHaveBeenCalledWith('f1');
  expect(document.activeElement).toBe(screen.getByRole('region', { name: 'Messages' }));
});
