// The server's own examples of what it sends: they fit the types, and pass through the state.

import { expect, test } from 'vitest';
import conversation from '../../../../shared/tests/golden/conversation.json' with { type: 'json' };
import conversationDeleted from '../../../../shared/tests/golden/conversation-deleted.json' with { type: 'json' };
import conversationEmpty from '../../../../shared/tests/golden/conversation-empty.json' with { type: 'json' };
import conversationUpdated from '../../../../shared/tests/golden/conversation-updated.json' with { type: 'json' };
import message from '../../../../shared/tests/golden/message.json' with { type: 'json' };
import messagesDelivered from '../../../../shared/tests/golden/messages-delivered.json' with { type: 'json' };
import messagesRead from '../../../../shared/tests/golden/messages-read.json' with { type: 'json' };
import newMessage from '../../../../shared/tests/golden/new-message.json' with { type: 'json' };
import notification from '../../../../shared/tests/golden/notification.json' with { type: 'json' };
import ready from '../../../../shared/tests/golden/ready.json' with { type: 'json' };
import userStopTyping from '../../../../shared/tests/golden/user-stop-typing.json' with { type: 'json' };
import userTyping from '../../../../shared/tests/golden/user-typing.json' with { type: 'json' };
import userTypingNameless from '../../../../shared/tests/golden/user-typing-nameless.json' with { type: 'json' };
import * as change from '../../src/state/state.js';
import { conversationList, messageList } from '../../src/state/views.js';
import type * as wire from '../../src/wire.js';

/** JSON modules have `string` where a type names the strings that there are; everything else is checked. */
type Loose<T> = T extends string ? string : T extends object ? { [K in keyof T]: Loose<T[K]> } : T;

const conversations: Loose<wire.Conversation>[] = [conversation, conversationEmpty];
const update: Loose<wire.ConversationUpdated> = conversationUpdated;
const arrival: wire.NewMessage = newMessage;
const fitting: [wire.Message, wire.Ready, Loose<wire.Notification>, wire.ConversationDeleted] = [
  message,
  ready,
  notification,
  conversationDeleted,
];
const typing: wire.TypingSignal[] = [userTyping, userTypingNameless, userStopTyping];
const read: wire.MessagesRead = messagesRead;
const delivered: wire.MessagesDelivered = messagesDelivered;

const id = conversation.id;
const start = () => change.conversationsArrived(change.initial('bob', null), [conversationEmpty as wire.Conversation]);

test('the examples fit the types', () => {
  expect([...conversations, update, arrival, ...fitting, ...typing, read, delivered]).not.toContain(undefined);
});

test('a conversation is shown as the server describes it', () => {
  const state = change.conversationsArrived(change.initial('alice', null), [conversation as wire.Conversation]);
  expect(conversationList()(state).items).toEqual([conversation]);
});

test('a described conversation and the event of it give the same, but for what differs by reader', () => {
  const data = conversationUpdated as wire.ConversationUpdated;
  const state = change.eventArrived(start(), { seq: data.seq, event: 'conversation-updated', data });
  const { lastMessage: _, unreadCount: __, participants, ...same } = conversation;
  expect(state.conversations.get(id)).toMatchObject(same);
  expect(state.conversations.get(id)?.participants).toEqual(participants);
});

test('a message is shown', () => {
  let state = change.historyArrived(start(), id, [], false);
  state = change.eventArrived(state, { seq: newMessage.seq, event: 'new-message', data: newMessage });
  expect(messageList(id)(state).items).toMatchObject([{ id: message.id, content: message.content, own: false }]);
});

test('receipts move the cursors', () => {
  const mine = () => state.conversations.get(id)?.participants[0];
  let state = change.deliveryArrived(start(), messagesDelivered);
  expect(mine()).toMatchObject({ readSeq: 6, deliveredSeq: 7 });
  state = change.readArrived(state, messagesRead);
  expect(mine()).toMatchObject({ readSeq: 7, deliveredSeq: 7 });
});

test('what is deleted is gone', () => {
  const state = change.eventArrived(start(), { seq: 8, event: 'conversation-deleted', data: conversationDeleted });
  expect(state.conversations.size).toBe(0);
});
