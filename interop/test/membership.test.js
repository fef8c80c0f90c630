// Who takes part changes while everyone is connected.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matrix } from '../lib/matrix.js';
import { Server } from '../lib/server.js';
import { hasKeys, isConversation, isInvalid, isProblem, NOBODYS_ID, userIds } from '../lib/shapes.js';

const server = await Server.forThisFile();

/** What was heard of a conversation, without notifications: `[event, seq]`. */
const heard = (tab, id) =>
  tab.about(id).filter(([event]) => event !== 'notification').map(([event, data]) => [event, data.seq]);

matrix('membership', {}, (cell) => {
  test('whoever is removed hears of it, and then nothing more until added again', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [hers, his1, his2] = await cell.tabs(t, alice, bob, bob);
    const { id } = await alice.create([bob]);
    const other = await alice.create([bob]);
    await his1.join(id);

    await alice.remove(id, bob);
    for (const tab of [his1, his2]) {
      assert.deepEqual(await tab.next('conversation-deleted'), { conversationId: id });
    }
    const { conversation, seq } = await hers.next('conversation-updated', (data) => data.conversationId === id && data.seq > 1);
    assert.equal(seq, 2);
    assert.deepEqual(userIds(conversation), [alice.id]);
    assert.equal(conversation.participantCount, 1);

    const secret = await alice.send(id, 'behind his back');
    await hers.must('typing-start', id);
    await hers.message(secret.id);
    const fence = await alice.send(other.id, 'fence');
    for (const tab of [his1, his2]) {
      await tab.message(fence.id);
      assert.deepEqual(heard(tab, id), [['conversation-updated', 1], ['conversation-deleted', undefined]]);
    }
    isProblem(await bob.get(`/messages/conversations/${id}`), 404, 'not_found');
    isProblem(await bob.get(`/messages/conversations/${id}/messages`), 404, 'not_found');
    isProblem(await bob.post(`/messages/conversations/${id}/messages`, { content: 'let me in' }), 404, 'not_found');
    assert.equal(await his1.mustNot('send-message', { conversationId: id, content: 'let me in' }), 'not_found');
    assert.equal(await his1.mustNot('typing-start', id), 'not_found');

    await alice.add(id, bob);
    const welcome = await alice.send(id, 'welcome back');
    for (const tab of [his1, his2]) {
      await tab.message(welcome.id);
      assert.deepEqual(heard(tab, id).slice(2), [['conversation-updated', 4], ['new-message', 5]]);
      assert.equal(tab.all('user-typing').length, 0);
    }
    const { items } = (await bob.get(`/messages/conversations/${id}/messages`)).body;
    assert.deepEqual(items.map((message) => message.content), ['welcome back', 'behind his back'], 'the whole history');
    assert.equal((await bob.conversation(id)).unreadCount, 1, 'counted from the joining');
  });

  test('whoever is added hears of it and of all that follows, but not of what was before', async (t) => {
    const [alice, carol] = server.users('alice', 'carol');
    const [hers, carols] = await cell.tabs(t, alice, carol);
    const { id } = await alice.create();
    await alice.send(id, 'before');

    const answer = await alice.add(id, carol);
    isConversation(answer);
    assert.deepEqual(userIds(answer), [alice.id, carol.id].sort());
    const messages = [await alice.send(id, 'one'), await alice.send(id, 'two')];
    await carols.message(messages[1].id);
    assert.deepEqual(heard(carols, id), [['conversation-updated', 3], ['new-message', 4], ['new-message', 5]]);
    await hers.message(messages[1].id);
    assert.deepEqual(heard(hers, id).map(([, seq]) => seq), [1, 2, 3, 4, 5]);
    assert.equal(carols.all('conversation-updated')[0].conversation.participantCount, 2);
  });

  test('someone added while messages pour in misses none of those after', async (t) => {
    const [alice, carol] = server.users('alice', 'carol');
    const [carols] = await cell.tabs(t, carol);
    const { id } = await alice.create();
    const seqs = [];
    const pouring = (async () => {
      while (seqs.length < 60) seqs.push((await alice.send(id, 'and on')).seq);
    })();
    await alice.add(id, carol);
    const { seq } = await carols.next('conversation-updated');
    await pouring;
    const fence = await alice.send(id, 'fence');
    await carols.message(fence.id);
    assert.deepEqual(carols.seqs(id), [...seqs.filter((each) => each > seq), fence.seq]);
  });

  test('whoever leaves hears conversation-deleted as the last of it', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const [hers, his] = await cell.tabs(t, alice, bob);
    const { id } = await alice.create([bob]);
    const other = await alice.create([bob]);
    await bob.remove(id, bob);
    assert.deepEqual(await his.next('conversation-deleted'), { conversationId: id });
    await hers.next('conversation-updated', (data) => data.conversationId === id && data.seq === 2);
    await alice.send(id, 'he is gone');
    const fence = await alice.send(other.id, 'fence');
    await his.message(fence.id);
    assert.equal(heard(his, id).at(-1)[0], 'conversation-deleted');
  });

  test('a deleted conversation is gone for everyone', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const tabs = await cell.tabs(t, alice, bob);
    const { id } = await alice.create([bob]);
    await alice.send(id, 'soon gone');
    isProblem(await bob.delete(`/messages/conversations/${id}`), 403, 'forbidden');
    await alice.deleteConversation(id);
    for (const tab of tabs) {
      assert.deepEqual(await tab.next('conversation-deleted'), { conversationId: id });
      assert.equal(heard(tab, id).length, 3);
      assert.equal(await tab.mustNot('join-conversation', id), 'not_found');
    }
    for (const user of [alice, bob]) {
      isProblem(await user.get(`/messages/conversations/${id}`), 404, 'not_found');
      assert.deepEqual((await user.get('/messages/conversations')).body.items, []);
    }
    isProblem(await alice.delete(`/messages/conversations/${id}`), 404, 'not_found');
  });

  test('a rename reaches everyone, whoever made it', async (t) => {
    const [alice, bob] = server.users('alice', 'bob');
    const tabs = await cell.tabs(t, alice, bob);
    const { id } = await alice.create([bob], { title: 'before' });
    isConversation(await bob.rename(id, 'after'));
    for (const tab of tabs) {
      const { seq, conversation } = await tab.next('conversation-updated', (data) => data.conversation.title === 'after');
      assert.equal(seq, 2);
      assert.equal(conversation.id, id);
    }
  });
});

test('only the creator removes others', async () => {
  const [alice, bob, carol] = server.users('alice', 'bob', 'carol');
  const { id } = await alice.create([bob]);
  await bob.add(id, carol);
  isProblem(await bob.delete(`/messages/conversations/${id}/participants/${carol.id}`), 403, 'forbidden');
  isProblem(await carol.delete(`/messages/conversations/${id}/participants/${alice.id}`), 403, 'forbidden');
  await alice.remove(id, carol);
  isProblem(await alice.delete(`/messages/conversations/${id}/participants/${carol.id}`), 404, 'not_found');
});

test('a direct conversation of two is created once, whoever asks and however often', async () => {
  const [alice, bob] = server.users('alice', 'bob');
  const ask = (user, other) => user.post('/messages/conversations', { participantIds: [other.id], kind: 'direct' });
  const answers = await Promise.all([ask(alice, bob), ask(bob, alice), ask(alice, bob), ask(bob, alice)]);
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 200, 201]);
  assert.equal(new Set(answers.map(({ body }) => body.id)).size, 1);
  for (const { body } of answers) {
    isConversation(body);
    assert.equal(body.kind, 'direct');
    assert.deepEqual(userIds(body), [alice.id, bob.id].sort());
  }
  const group = await alice.create([bob]);
  assert.notEqual(group.id, answers[0].body.id);
  assert.equal(group.kind, 'group');
});

test('a direct conversation has exactly two people and keeps them', async () => {
  const [alice, bob, carol] = server.users('alice', 'bob', 'carol');
  const create = (participantIds) => alice.post('/messages/conversations', { participantIds, kind: 'direct' });
  isInvalid(await create([]));
  isInvalid(await create([alice.id]));
  isInvalid(await create([bob.id, carol.id]));
  const { id } = (await create([bob.id])).body;
  const added = await alice.post(`/messages/conversations/${id}/participants`, { userIds: [carol.id] });
  assert.ok([400, 403].includes(added.status), added.text);
  assert.equal((await alice.conversation(id)).participantCount, 2);
});

test('strangers get the same 404 for a conversation of others as for none', async () => {
  const [alice, mallory] = server.users('alice', 'mallory');
  const { id } = await alice.create();
  const answers = async (conversation) => {
    const path = `/messages/conversations/${conversation}`;
    return [
      await mallory.get(path),
      await mallory.patch(path, { title: 'mine' }),
      await mallory.delete(path),
      await mallory.get(`${path}/participants`),
      await mallory.post(`${path}/participants`, { userIds: [mallory.id] }),
      await mallory.delete(`${path}/participants/${mallory.id}`),
      await mallory.get(`${path}/messages`),
      await mallory.post(`${path}/messages`, { content: 'hello' }),
      await mallory.patch(`${path}/read`),
      await mallory.get(`${path}/events`),
    ];
  };
  const [others, none] = [await answers(id), await answers(NOBODYS_ID)];
  for (const [i, answer] of others.entries()) {
    isProblem(answer, 404, 'not_found');
    hasKeys(answer.body, Object.keys(none[i].body));
    assert.equal(answer.body.title, none[i].body.title);
    assert.equal(answer.body.detail.replace(id, ''), none[i].body.detail.replace(NOBODYS_ID, ''));
  }
});
