// The components with a real client, whose server cannot be reached: what one writes waits in its queue.

import { Callboard } from '@callboard/client';
import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { StrictMode } from 'react';
import { VirtuosoMockContext } from 'react-virtuoso';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  ConnectionStatus,
  Conversation,
  ConversationsList,
  MessageInput,
  MessagingProvider,
  useConnectionStatus,
  useMessaging,
} from '../src/index.js';

const options = {
  url: 'http://127.0.0.1:9',
  userId: 'alice',
  getToken: () => 'token',
  storage: 'memory' as const,
  reconnection: { delays: [1], attempts: 1 },
};

let client: Callboard;

beforeEach(() => {
  client = new Callboard(options);
});

afterEach(() => client.close());

function show(children: React.ReactNode) {
  return render(
    // A size for the list, which jsdom has none of.
    <VirtuosoMockContext.Provider value={{ viewportHeight: 600, itemHeight: 40 }}>
      <MessagingProvider client={client}>{children}</MessagingProvider>
    </VirtuosoMockContext.Provider>,
  );
}

const written = () =>
  client
    .conversation('c1')
    .messages.get()
    .items.map(({ content }) => content);
const field = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Write a message' });

describe('MessageInput', () => {
  test('Enter sends, Shift+Enter begins a new line', async () => {
    show(<MessageInput conversationId="c1" />);
    await userEvent.type(field(), 'Hello{Shift>}{Enter}{/Shift}there{Enter}');
    expect(written()).toEqual(['Hello\nthere']);
    expect(field().value).toBe('');
  });

  test('Enter that belongs to an input method sends nothing', () => {
    show(<MessageInput conversationId="c1" />);
    fireEvent.change(field(), { target: { value: 'にほん' } });
    fireEvent.keyDown(field(), { key: 'Enter', isComposing: true });
    fireEvent.keyDown(field(), { key: 'Enter', keyCode: 229 });
    expect(written()).toEqual([]);
    fireEvent.keyDown(field(), { key: 'Enter' });
    expect(written()).toEqual(['にほん']);
  });

  test('there is nothing to send without words, or with too many', async () => {
    show(<MessageInput conversationId="c1" />);
    const send = screen.getByRole<HTMLButtonElement>('button', { name: 'Send' });
    await userEvent.type(field(), '   {Enter}');
    expect(send.disabled).toBe(true);
    // Counted as the server does: this is one character of 8,000.
    fireEvent.change(field(), { target: { value: '👋'.repeat(8_000) } });
    expect(screen.getByText('0 left')).toBeDefined();
    expect(send.disabled).toBe(false);
    fireEvent.change(field(), { target: { value: '👋'.repeat(8_001) } });
    expect(screen.getByText('1 too many')).toBeDefined();
    expect(send.disabled).toBe(true);
    expect(written()).toEqual([]);
  });

  test('what was written stays with its conversation', async () => {
    const { rerender } = render(<MessageInput conversationId="c1" />, { wrapper: Wrapper });
    await userEvent.type(field(), 'for one');
    rerender(<MessageInput conversationId="c2" />);
    expect(field().value).toBe('');
    rerender(<MessageInput conversationId="c1" />);
    expect(field().value).toBe('for one');
  });
});

function Wrapper({ children }: { children: React.ReactNode }) {
  return <MessagingProvider client={client}>{children}</MessagingProvider>;
}

describe('Conversation', () => {
  test('shows what waits to be sent, and loses it no more', async () => {
    show(<Conversation conversationId="c1" />);
    await userEvent.type(field(), 'One{Enter}Two, see https://example.org/two.{Enter}');
    const list = within(await screen.findByRole('region', { name: 'Messages' }));
    // Rows stay hidden until the list is where it begins.
    await waitFor(() => expect(list.getAllByRole('listitem')).toHaveLength(2));
    expect(list.getAllByRole('img', { name: 'Waiting to be sent' })).toHaveLength(2);
    const link = list.getByRole<HTMLAnchorElement>('link');
    expect(link.href).toBe('https://example.org/two');
    expect(link.rel).toContain('noopener');
  });

  test('shows markup as what it is', async () => {
    show(<Conversation conversationId="c1" />);
    act(() => void client.conversation('c1').send('<img src=x onerror=alert(1)> javascript:alert(1)'));
    expect(await screen.findByText('<img src=x onerror=alert(1)> javascript:alert(1)')).toBeDefined();
    expect(screen.queryByRole('link')).toBeNull();
  });
});

test('ConversationsList is busy until there is something to list', () => {
  const { container } = show(<ConversationsList onSelect={() => undefined} />);
  expect(container.querySelector('[aria-busy="true"]')).not.toBeNull();
});

describe('ConnectionStatus', () => {
  test('says nothing while there is nothing to say', () => {
    const { container } = show(<ConnectionStatus />);
    expect(container.textContent).toBe('');
  });

  test('says that the server cannot be reached, and tries again when asked to', async () => {
    show(<ConnectionStatus />);
    act(() => client.connect());
    await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('cannot be reached'));
    const states: string[] = [];
    const stop = client.on('connection:status', ({ state }) => states.push(state));
    await userEvent.click(screen.getByRole('button', { name: 'Try now' }));
    stop();
    expect(states[0]).toMatch(/connecting/);
  });

  test('speaks the language that it is given', async () => {
    render(
      <MessagingProvider client={client} labels={{ failed: 'Der Server ist nicht erreichbar.' }}>
        <ConnectionStatus />
      </MessagingProvider>,
    );
    act(() => client.connect());
    await waitFor(() => expect(screen.getByRole('alert').textContent).toContain('nicht erreichbar'));
  });
});

describe('MessagingProvider', () => {
  const seen: Callboard[] = [];
  function Probe() {
    const messaging = useMessaging();
    if (seen.at(-1) !== messaging) seen.push(messaging);
    return <output>{`${messaging.userId} ${useConnectionStatus().state}`}</output>;
  }

  beforeEach(() => {
    seen.length = 0;
  });

  test('closes what it has made, in strict mode and when the user changes', () => {
    const provide = (userId: string) => (
      <StrictMode>
        <MessagingProvider options={{ ...options, userId }}>
          <Probe />
        </MessagingProvider>
      </StrictMode>
    );
    const { rerender, unmount } = render(provide('alice'));
    expect(screen.getByRole('status').textContent).toMatch(/^alice (connecting|reconnecting|failed)$/);
    rerender(provide('bob'));
    expect(screen.getByRole('status').textContent).toMatch(/^bob (connecting|reconnecting|failed)$/);
    unmount();
    expect(new Set(seen.map(({ userId }) => userId))).toEqual(new Set(['alice', 'bob']));
    expect(seen.map(({ status }) => status.get().state).filter((state) => state !== 'closed')).toEqual([]);
  });

  test('uses the function for tokens that it was given last', async () => {
    const [first, second] = [vi.fn(() => 'one'), vi.fn(() => 'two')];
    const provide = (getToken: () => string) => (
      <MessagingProvider options={{ ...options, getToken }}>
        <Probe />
      </MessagingProvider>
    );
    const { rerender } = render(provide(first));
    await waitFor(() => expect(first).toHaveBeenCalled());
    rerender(provide(second));
    await waitFor(() => expect(screen.getByRole('status').textContent).toContain('failed'));
    act(() => seen.at(-1)?.retry());
    await waitFor(() => expect(second).toHaveBeenCalled());
  });

  test('is missed by name', () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    expect(() => render(<Probe />)).toThrow('useMessaging needs a <MessagingProvider> above it');
    vi.restoreAllMocks();
  });
});
