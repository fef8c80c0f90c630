// The REST API: shapes, limits, errors, pages.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { request } from '../lib/http.js';
import { cell } from '../lib/matrix.js';
import { Server } from '../lib/server.js';
import { hasKeys, isConversation, isInvalid, isMessage, isProblem, isTime, participant, userIds } from '../lib/shapes.js';

const server = await Server.forThisFile();

const conversations = '/messages/conversations';
const path = (id, rest) => `${conversations}/${id}/${rest}`;

describe('conversations', { concurrency: true }, () => {
  test('creating one answers 201 with all of it', async () => {
    const [alice, bob] = server.users('alice', 'bob');
    const answer = await alice.post(conversations, { participantIds: [bob.id, bob.id, alice.id], title: 'Casting' });
    assert.equal(answer.status, 201);
    isConversation(answer.body);
    const { kind, title, createdBy, lastSeq, participantCount, lastMessage, unreadCount } = answer.body;
    assert.deepEqual(
      { kind, title, createdBy, lastSeq, participantCount, lastMessage, unreadCount },
      { kind: 'group', title: 'Casting', createdBy: alice.id, lastSeq: 1, participantCount: 2, lastMessage: null, unreadCount: 0 },
    );
    assert.deepEqual(userIds(answer.body), [alice.id, bob.id].sort());
    assert.equal(participant(answer.body, alice).name, 'Alice', 'from the token');
    assert.equal(participant(answer.body, bob).name, null, 'not seen yet');
    assert.deepEqual(await alice.conversation(answer.body.id), answer.body);

    await bob.get(conversations);
    assert.equal(participant(await alice.conversation(answer.body.id), bob).name, 'Bob', 'seen by now');
  });

  test('a title is optional and 1 to 200 characters long', async () => {
    const alice = server.user('alice');
    const { id, title } = await alice.create();
    assert.equal(title, null);
    for (const wrong of ['', 'x'.repeat(201), 7, 'nul \u0000']) {
      isInvalid(await alice.post(conversations, { participantIds: [], title: wrong }), 'title');
      isInvalid(await alice.patch(`${conversations}/${id}`, { title: wrong }), 'title');
    }
    assert.equal((await alice.rename(id, '🎭'.repeat(200))).title, '🎭'.repeat(200));
    assert.equal((await alice.create([], { title: 'x'.repeat(200) })).title.length, 200);
  });

  test('what is wrong with a new conversation is said field by field', async () => {
    const alice = server.user('alice');
    const create = (body) => alice.post(conversations, body);
    isInvalid(await create({}), 'participantIds');
    isInvalid(await create({ participantIds: 'bob' }), 'participantIds');
    isInvalid(await create({ participantIds: [''] }), 'participantIds');
    isInvalid(await create({ participantIds: ['x'.repeat(129)] }), 'participantIds');
    isInvalid(await create({ participantIds: [null] }), 'participantIds');
    for (const kind of ['channel', 1, true, [], {}, { group: null }]) isInvalid(await create({ participantIds: ['bob'], kind }), 'kind');
    isInvalid(await create([['bob'], 'Casting', 'group']));
    isInvalid(await create([]));
    isInvalid(await request(server.url + conversations, {
      method: 'POST',
      headers: { authorization: `Bearer ${alice.token()}`, 'content-type': 'application/json' },
      body: '{"participantIds": [',
    }));
  });

  test('a conversation has at most 1,000 participants', async () => {
    const alice = server.user('alice');
    const people = Array.from({ length: 1_000 }, (_, i) => `extra-${i}`);
    isInvalid(await alice.post(conversations, { participantIds: people }), 'participantIds');
    const answer = await alice.post(conversations, { participantIds: people.slice(0, 999) });
    assert.equal(answer.status, 201);
    assert.equal(answer.body.participantCount, 1_000);
    assert.equal(answer.body.participants.length, 100, 'the first 100');
    isInvalid(await alice.post(path(answer.body.id, 'participants'), { userIds: ['one-too-many'] }), 'userIds');
  });

  test('the list has the latest activity first, page by page', async () => {
    const [alice, bob] = server.users('alice', 'bob');
    const ids = [];
    for (let i = 0; i < 5; i += 1) ids.push((await alice.create([bob])).id);
    await bob.send(ids[0], 'wake up');
    const expected = [ids[0], ids[4], ids[3], ids[2], ids[1]];

    const all = (await alice.get(conversations)).body;
    assert.deepEqual(all.items.map(({ id }) => id), expected);
    assert.equal(all.nextCursor ?? null, null);
    all.items.forEach(isConversation);
    assert.equal(all.items[0].unreadCount, 1);
    assert.equal(all.items[0].lastMessage.content, 'wake up');
    isMessage(all.items[0].lastMessage);

    const found = [];
    for (let cursor = ''; ; ) {
      const page = (await alice.get(`${conversations}?limit=2${cursor}`)).body;
      assert.ok(page.items.length <= 2);
      found.push(...page.items.map(({ id }) => id));
      if (!page.nextCursor) break;
      cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
    assert.deepEqual(found, expected);
    isInvalid(await alice.get(`${conversations}?cursor=nonsense`), 'cursor');
  });

  test('participants come in pages too', async () => {
    const alice = server.user('alice');
    const people = Array.from({ length: 7 }, (_, i) => `member-${i}`);
    const { body } = await alice.post(conversations, { participantIds: people });
    const found = [];
    for (let cursor = ''; ; ) {
      const page = (await alice.get(`${path(body.id, 'participants')}?limit=3${cursor}`)).body;
      assert.ok(page.items.length <= 3);
      found.push(...page.items);
      if (!page.nextCursor) break;
      cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
    assert.deepEqual(found.map(({ userId }) => userId).sort(), [alice.id, ...people].sort());
    for (const each of found) {
      hasKeys(each, ['deliveredSeq', 'joinedAt', 'name', 'readSeq', 'userId']);
      isTime(each.joinedAt);
    }
  });

  test('adding someone who takes part already changes nothing', async () => {
    const [alice, bob] = server.users('alice', 'bob');
    const { id } = await alice.create([bob]);
    assert.equal((await alice.add(id, bob)).lastSeq, 1);
    isInvalid(await alice.post(path(id, 'participants'), {}), 'userIds');
    isInvalid(await alice.post(path(id, 'participants'), { userIds: [''] }), 'userIds');
  });
});

describe('messages', { concurrency: true }, () => {
  test('content is 1 to 8,000 characters of anything but U+0000', async () => {
    const alice = server.user('alice');
    const { id } = await alice.create();
    for (const content of ['', 'x'.repeat(8_001), '🎬'.repeat(8_001), 'nul \u0000', 7, null, undefined]) {
      isInvalid(await alice.post(path(id, 'messages'), { content }), 'content');
    }
    for (const content of ['x', ' ', '🎬'.repeat(8_000), '<b>"\\\u2028\u001f\r\n', 'e\u0301 \u05d0\u200f']) {
      assert.equal((await alice.send(id, content)).content, content, 'as it was sent');
    }
  });

  test('the same clientMessageId sends once, in the body or as Idempotency-Key', async () => {
    const [alice, bob] = server.users('alice', 'bob');
    const { id } = await alice.create([bob]);
    const post = (user, body, headers) => user.post(path(id, 'messages'), body, headers);
    const first = await post(alice, { content: 'one', clientMessageId: 'key' });
    assert.equal(first.status, 201);
    assert.equal(first.body.clientMessageId, 'key');
    for (const again of [
      await post(alice, { content: 'one', clientMessageId: 'key' }),
      await post(alice, { content: 'other words', clientMessageId: 'key' }),
      await post(alice, { content: 'one' }, { 'idempotency-key': 'key' }),
      await post(alice, { content: 'one', clientMessageId: 'key' }, { 'idempotency-key': 'the body wins' }),
    ]) {
      assert.equal(again.status, 200, again.text);
      assert.deepEqual(again.body, first.body);
    }
    assert.equal((await post(bob, { content: 'mine', clientMessageId: 'key' })).status, 201);
    assert.equal((await alice.send(id, 'no key')).clientMessageId, null);

    const racing = await Promise.all(Array.from({ length: 8 }, () => post(alice, { content: 'race' }, { 'idempotency-key': 'race' })));
    assert.deepEqual(racing.map(({ status }) => status).sort(), [200, 200, 200, 200, 200, 200, 200, 201]);
    assert.equal(new Set(racing.map(({ body }) => body.id)).size, 1);
    const seqs = (await alice.get(path(id, 'messages'))).body.items.map(({ seq }) => seq);
    assert.deepEqual(seqs, [5, 4, 3, 2], 'no holes');

    for (const clientMessageId of ['', 'x'.repeat(65), 7]) {
      isInvalid(await post(alice, { content: 'one', clientMessageId }), 'clientMessageId');
    }
  });

  test('pages go by seq: newest first, before, after', async () => {
    const alice = server.user('alice');
    const { id } = await alice.create();
    for (let i = 2; i <= 8; i += 1) await alice.send(id, `number ${i}`);
    const page = async (query) => {
      const { status, body } = await alice.get(path(id, `messages?${query}`));
      assert.equal(status, 200);
      body.items.forEach(isMessage);
      return body.items.map(({ seq }) => seq);
    };
    assert.deepEqual(await page(''), [8, 7, 6, 5, 4, 3, 2]);
    assert.deepEqual(await page('limit=3'), [8, 7, 6]);
    assert.deepEqual(await page('limit=3&before=6'), [5, 4, 3]);
    assert.deepEqual(await page('before=2'), []);
    assert.deepEqual(await page('limit=3&after=4'), [5, 6, 7]);
    assert.deepEqual(await page('after=8'), []);
    assert.deepEqual(await page('after=0&limit=100'), [2, 3, 4, 5, 6, 7, 8]);
    for (const query of ['limit=0', 'limit=101', 'limit=ten', 'limit=-1']) {
      isInvalid(await alice.get(path(id, `messages?${query}`)), 'limit');
    }
    isInvalid(await alice.get(path(id, 'messages?before=x')), 'before');
    isInvalid(await alice.get(path(id, 'messages?after=x')), 'after');
  });

  test('without a limit a page has 50', async () => {
    const alice = server.user('alice');
    const { id } = await alice.create();
    await Promise.all(Array.from({ length: 55 }, () => alice.send(id, 'many')));
    assert.equal((await alice.get(path(id, 'messages'))).body.items.length, 50);
    assert.equal((await alice.get(path(id, 'events'))).body.items.length, 50);
  });

  test('marking as read goes up to the newest named, or all, and never back', async () => {
    const [alice, bob] = server.users('alice', 'bob');
    const { id } = await alice.create([bob]);
    const sent = [];
    for (let i = 0; i < 4; i += 1) sent.push(await alice.send(id, `number ${i}`));
    const read = (count, unread) => ({ conversationId: id, readSeq: sent[count - 1].seq, unreadCount: unread });
    assert.deepEqual(await bob.read(id, [sent[1].id, sent[0].id]), read(2, 2));
    assert.deepEqual(await bob.read(id, [sent[0].id]), read(2, 2));
    assert.deepEqual(await bob.read(id), read(4, 0));
    assert.deepEqual(await bob.read(id), read(4, 0));
    await alice.send(id, 'one more');
    assert.equal((await bob.conversation(id)).unreadCount, 1);
    isInvalid(await bob.patch(path(id, 'read'), { messageIds: 'all' }), 'messageIds');
  });

  test('the body may be 64 kB, and no more', async () => {
    const alice = server.user('alice');
    const { id } = await alice.create();
    const answer = await alice.post(path(id, 'messages'), { content: 'x'.repeat(70_000) });
    isProblem(answer, 413, 'too_large');
  });
});

describe('events and sync', { concurrency: true }, () => {
  test('the events route gives what the socket heard, to the letter', async (t) => {
    const [alice, bob, carol] = server.users('alice', 'bob', 'carol');
    const { id } = await alice.create([bob], { title: 'one' });
    const tab = await cell().tab(t, alice);
    await alice.send(id, 'hello');
    await bob.rename(id, 'two');
    await alice.add(id, carol);
    await alice.remove(id, carol);
    await bob.send(id, 'bye');
    await tab.next('new-message', (data) => data.seq === 6);

    const events = await alice.events(id);
    assert.deepEqual(events.map(({ seq }) => seq), [1, 2, 3, 4, 5, 6]);
    for (const each of events) hasKeys(each, ['data', 'event', 'seq']);
    const heard = tab.about(id).filter(([event]) => event !== 'notification');
    assert.deepEqual(events.slice(1).map(({ event, data }) => [event, data]), heard);
    assert.deepEqual((await alice.events(id, 3, 2)).map(({ seq }) => seq), [4, 5, 6], 'the same by pages of two');
    assert.deepEqual(await alice.events(id, 6), []);
    isInvalid(await alice.get(path(id, 'events?after=x')), 'after');
    isInvalid(await alice.get(path(id, 'events?limit=101')), 'limit');
  });

  test('sync answers for what one knows, what is new, and what is gone', async () => {
    const [alice, bob] = server.users('alice', 'bob');
    const [known, quiet, lost, gone] = [await alice.create([bob]), await alice.create([bob]), await alice.create([bob]), await alice.create([bob])];
    await alice.send(known.id, 'hello');
    await alice.remove(lost.id, bob);
    await alice.deleteConversation(gone.id);
    const fresh = await alice.create([bob]);

    const answer = await bob.sync({ [known.id]: 1, [quiet.id]: 1, [lost.id]: 1, [gone.id]: 1 });
    hasKeys(answer, ['conversations', 'joined', 'left']);
    for (const entry of answer.conversations) hasKeys(entry, ['conversationId', 'events', 'lastSeq', 'more']);
    const entry = answer.conversations.find(({ conversationId }) => conversationId === known.id);
    assert.deepEqual(entry.events, await bob.events(known.id, 1));
    assert.deepEqual([entry.lastSeq, entry.more], [2, false]);
    answer.joined.forEach(isConversation);
    assert.deepEqual(answer.joined.map(({ id }) => id), [fresh.id]);
    assert.deepEqual(answer.left.sort(), [lost.id, gone.id].sort());

    const nothing = await bob.sync({});
    assert.deepEqual(nothing.joined.map(({ id }) => id).sort(), [known.id, quiet.id, fresh.id].sort());
    isInvalid(await bob.post('/messages/sync', {}), 'cursors');
    isInvalid(await bob.post('/messages/sync', { cursors: { [known.id]: 'x' } }), 'cursors');
  });

  test('a long absence is caught up in several steps, and more says so', async () => {
    const [alice, bob] = server.users('alice', 'bob');
    const { id } = await alice.create([bob]);
    for (let i = 0; i < 15; i += 1) await Promise.all(Array.from({ length: 20 }, () => alice.send(id, 'while away')));
    const seqs = [];
    for (let cursor = 1, more = true; more; ) {
      const entry = (await bob.sync({ [id]: cursor })).conversations.find(({ conversationId }) => conversationId === id);
      assert.equal(entry.lastSeq, 301);
      seqs.push(...entry.events.map(({ seq }) => seq));
      [cursor, more] = [seqs.at(-1), entry.more];
    }
    assert.deepEqual(seqs, Array.from({ length: 300 }, (_, i) => i + 2));
  });
});

describe('errors', { concurrency: true }, () => {
  test('an unknown path is a problem like any other', async () => {
    const alice = server.user('alice');
    isProblem(await alice.get('/messages/nothing-here'), 404, 'not_found');
  });

  test('an id that is none is not found or invalid', async () => {
    const answer = await server.user('alice').get(`${conversations}/not-an-id`);
    isProblem(answer, answer.status === 404 ? 404 : 400, answer.status === 404 ? 'not_found' : 'invalid_data');
  });

  test('every change needs a token', async () => {
    for (const [method, where] of [
      ['GET', conversations], ['POST', conversations], ['PATCH', path('x', 'read')],
      ['DELETE', `${conversations}/x`], ['POST', '/messages/sync'], ['GET', path('x', 'events')],
    ]) {
      isProblem(await request(server.url + where, { method }), 401, 'token_missing');
    }
  });
});
