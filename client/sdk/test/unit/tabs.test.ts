// Tabs that share a queue.

import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { IndexedDbStorage } from '../../src/outbox/idb.js';
import { Outbox } from '../../src/outbox.js';
import { historyArrived } from '../../src/state/state.js';
import { messageList, unreadTotal } from '../../src/state/views.js';
import type { Message } from '../../src/wire.js';
import { conversation, ID, know, message, type Scripted, scripted } from '../support/core.js';
import { Locks } from '../support/locks.js';

const opened: Outbox[] = [];
let sent: string[];

beforeEach(() => {
  sent = [];
  globalThis.indexedDB = new IDBFactory();
  vi.stubGlobal('navigator', { locks: new Locks() });
});
afterEach(() => {
  for (const outbox of opened.splice(0)) outbox.close();
  vi.unstubAllGlobals();
});

function tab(name: string, answer = async (one: Message) => one) {
  const { core, script } = scripted();
  script.rest.send = (async (conversationId: string, send: { content: string; clientMessageId: string }) => {
    sent.push(`${name} ${send.content}`);
    return answer(message(sent.length, { conversationId, senderId: 'alice', ...send }));
  }) as Scripted['rest'][string];
  const outbox = new Outbox(core, new IndexedDbStorage());
  opened.push(outbox);
  const shown = () => messageList(ID)(core.state.get()).items.map(({ content, status }) => `${content}: ${status}`);
  return { outbox, shown, core };
}

test('every tab shows the queue, and one sends it', async () => {
  const [a, b] = [tab('a'), tab('b')];
  b.outbox.add(ID, 'one');
  await expect.poll(a.shown).toEqual(['one: queued']);
  a.outbox.resume();
  await expect.poll(() => sent).toEqual(['a one']);
  await expect.poll(b.shown).toEqual([]);
  b.outbox.resume();
  b.outbox.add(ID, 'two');
  a.outbox.add(ID, 'three');
  await expect.poll(() => sent.length).toBe(3);
  expect(sent.every((one) => one.startsWith('a '))).toBe(true);
  await expect.poll(b.shown).toEqual([]);
});

test('when the sending tab loses its connection or closes, another takes over, in order', async () => {
  const hang = () => new Promise<Message>(() => {});
  const [a, b, c] = [tab('a', hang), tab('b', hang), tab('c')];
  a.outbox.resume();
  b.outbox.resume();
  c.outbox.resume();
  a.outbox.add(ID, 'one');
  a.outbox.add(ID, 'two');
  await expect.poll(() => sent).toEqual(['a one']);
  a.outbox.pause();
  await expect.poll(() => sent).toEqual(['a one', 'b one']);
  b.outbox.close();
  await expect.poll(() => sent).toEqual(['a one', 'b one', 'c one', 'c two']);
  await expect.poll(c.shown).toEqual([]);
});

test('the tab that the user looks at sends, and does not wait for one that may be frozen', async () => {
  const page = { visibilityState: 'visible' };
  vi.stubGlobal('document', page);
  const a = tab('a');
  a.outbox.resume();
  a.outbox.add(ID, 'one');
  await expect.poll(() => sent).toEqual(['a one']);
  const b = tab('b');
  b.outbox.resume();
  b.outbox.add(ID, 'two');
  await expect.poll(() => sent).toEqual(['a one', 'b two']);
  page.visibilityState = 'hidden';
  const c = tab('c');
  c.outbox.resume();
  c.outbox.add(ID, 'three');
  await expect.poll(() => sent.at(-1)).toBe('b three');
  page.visibilityState = 'visible';
  for (const { outbox } of [a, b]) outbox.shown();
  b.outbox.add(ID, 'four');
  await expect.poll(() => sent.at(-1)).toBe('a four');
  a.outbox.pause();
  c.outbox.pause();
  a.outbox.add(ID, 'five');
  await expect.poll(() => sent.at(-1)).toBe('b five');
  await expect.poll(b.shown).toEqual([]);
});

test('a message that has arrived is shown in every tab when it leaves the queue', async () => {
  const [a, b] = [tab('a'), tab('b')];
  for (const { core } of [a, b]) core.state.set(historyArrived(core.state.get(), ID, [], false));
  const { clientMessageId } = a.outbox.add(ID, 'one');
  await expect.poll(b.shown).toEqual(['one: queued']);
  a.outbox.arrived(message(1, { senderId: 'alice', content: 'one', clientMessageId }));
  await expect.poll(b.shown).toEqual(['one: sent']);
});

test('what is written later comes later, whatever the clock says', async () => {
  const [a, b] = [tab('a'), tab('b')];
  a.outbox.add(ID, 'one');
  await expect.poll(b.shown).toEqual(['one: queued']);
  const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 60_000);
  a.outbox.add(ID, 'two');
  clock.mockRestore();
  await expect.poll(b.shown).toEqual(['one: queued', 'two: queued']);
  b.outbox.add(ID, 'three');
  expect(b.shown()).toEqual(['one: queued', 'two: queued', 'three: queued']);
});

test('a message that failed in one tab is put back, or discarded, in another', async () => {
  let denied = true;
  const { CallboardError } = await import('../../src/errors.js');
  const deny = async (one: Message) => {
    if (denied) throw new CallboardError('forbidden', 'No.', { status: 403 });
    return one;
  };
  const [a, b] = [tab('a', deny), tab('b')];
  a.outbox.resume();
  const one = b.outbox.add(ID, 'one');
  const two = b.outbox.add(ID, 'two');
  await expect.poll(b.shown).toEqual(['one: failed', 'two: failed']);
  denied = false;
  b.outbox.retry(ID, one.clientMessageId);
  b.outbox.discard(ID, two.clientMessageId);
  await expect.poll(() => sent).toEqual(['a one', 'a two', 'a one']);
  await expect.poll(a.shown).toEqual([]);
  await expect.poll(b.shown).toEqual([]);
});

test('a logout empties the queue in every tab', async () => {
  const [a, b] = [tab('a'), tab('b')];
  a.outbox.add(ID, 'one');
  await expect.poll(b.shown).toEqual(['one: queued']);
  await a.outbox.clear();
  await expect.poll(b.shown).toEqual([]);
});

test('what one tab has read is read in the others, unless they have read more', async () => {
  const [a, b] = [tab('a'), tab('b')];
  const participants = Array.from({ length: 100 }, (_, index) => ({ userId: `u-${index}`, name: null, joinedAt: '' }));
  know(b.core, conversation(5, { participants, participantCount: 101, unreadCount: 3, lastMessage: message(5) }));
  const unread = () => unreadTotal(b.core.state.get());
  a.outbox.tabs.tell({ type: 'read', conversationId: ID, readSeq: 4, unreadCount: 1 });
  await expect.poll(unread).toBe(1);
  a.outbox.tabs.tell({ type: 'read', conversationId: ID, readSeq: 5, unreadCount: 0 });
  await expect.poll(unread).toBe(0);
  a.outbox.tabs.tell({ type: 'read', conversationId: ID, readSeq: 4, unreadCount: 1 });
  a.outbox.add(ID, 'one');
  await expect.poll(b.shown).toEqual(['one: queued']);
  expect(unread()).toBe(0);
});

test('without locks, each tab sends what was written in it, and what it finds when it connects', async () => {
  vi.stubGlobal('navigator', {});
  const a = tab('a');
  a.outbox.add(ID, 'one');
  await expect.poll(a.shown).toEqual(['one: queued']);
  const b = tab('b');
  await expect.poll(b.shown).toEqual(['one: queued']);
  a.outbox.add(ID, 'two');
  await expect.poll(b.shown).toEqual(['one: queued', 'two: queued']);
  b.outbox.resume();
  await expect.poll(() => sent).toEqual(['b one', 'b two']);
  await expect.poll(a.shown).toEqual([]);
  a.outbox.add(ID, 'three');
  await expect.poll(b.shown).toEqual(['three: queued']);
  a.outbox.resume();
  await expect.poll(() => sent).toEqual(['b one', 'b two', 'a three']);
});

test('without locks, what a tab had queued before it closed is sent by another when that connects', async () => {
  vi.stubGlobal('navigator', {});
  const [a, b] = [tab('a'), tab('b')];
  b.outbox.resume();
  b.outbox.add(ID, 'one');
  await expect.poll(() => sent).toEqual(['b one']);
  a.outbox.add(ID, 'two');
  await expect.poll(b.shown).toEqual(['two: queued']);
  a.outbox.close();
  b.outbox.pause();
  b.outbox.resume();
  await expect.poll(() => sent).toEqual(['b one', 'b two']);
  await expect.poll(b.shown).toEqual([]);
});

test('two tabs that send the same message come to rest', async () => {
  vi.stubGlobal('navigator', {});
  const a = tab('a');
  a.outbox.add(ID, 'one');
  await expect.poll(a.shown).toEqual(['one: queued']);
  const b = tab('b');
  await expect.poll(b.shown).toEqual(['one: queued']);
  b.outbox.resume();
  a.outbox.resume();
  await expect.poll(a.shown).toEqual([]);
  await expect.poll(b.shown).toEqual([]);
  await new Promise((done) => setTimeout(done, 50));
  expect(sent.toSorted()).toEqual(['a one', 'b one']);
});

test('where the browser denies its locks and channels, each tab sends for itself', async () => {
  const denied = () => new DOMException('Access is denied.', 'SecurityError');
  vi.stubGlobal('navigator', { locks: { request: () => Promise.reject(denied()) } });
  vi.stubGlobal(
    'BroadcastChannel',
    class {
      constructor() {
        throw denied();
      }
    },
  );
  const a = tab('a');
  a.outbox.resume();
  a.outbox.add(ID, 'one');
  await expect.poll(() => sent).toEqual(['a one']);
  await expect.poll(a.shown).toEqual([]);
});
