// A client that loses its transport: what it missed arrives once and in order, before what is newer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cell, matrix, RECOVERING } from '../lib/matrix.js';
import { RawSocket } from '../lib/raw.js';
import { eventually } from '../lib/recorder.js';
import { Server } from '../lib/server.js';

const server = await Server.forThisFile();

/** Sends so many messages, one after the other; resolves to their seqs. */
async function sendMany(user, id, count) {
  const seqs = [];
  for (let i = 0; i < count; i += 1) seqs.push((await user.send(id, `message ${i}`)).seq);
  return seqs;
}

/** Bob behind a proxy, in a conversation with alice. */
async function frailPair(t, each) {
  const [alice, bob] = server.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const { tab, proxy } = await each.frailTab(t, bob);
  return { alice, bob, id, tab, proxy };
}

/** Down until the client has noticed and something has happened meanwhile; then up again. */
async function cut(tab, proxy, meanwhile) {
  const losses = tab.disconnects.length;
  proxy.refuse();
  await tab.disconnected(losses + 1);
  await meanwhile?.();
  proxy.allow();
}

/** The same; resolves once the client is back and up to date. */
async function outage(tab, proxy, meanwhile) {
  const connections = tab.connects.length;
  const readies = tab.all('ready').length;
  await cut(tab, proxy, meanwhile);
  const connection = await tab.connected(connections + 1);
  await tab.ready(readies + 1);
  return connection;
}

matrix('recovery', { versions: RECOVERING }, (each) => {
  test('brings what was missed, once, in order, and before ready', async (t) => {
    const { alice, id, tab, proxy } = await frailPair(t, each);
    const before = await alice.send(id, 'before');
    await tab.message(before.id);

    let missed;
    const connection = await outage(tab, proxy, async () => {
      missed = await sendMany(alice, id, 5);
    });
    assert.equal(connection.recovered, true);
    assert.deepEqual(tab.seqs(id), [before.seq, ...missed], 'all there by the time of ready');
    const replayed = tab.heard.slice(connection.heardBefore).map(({ event }) => event);
    assert.equal(replayed.indexOf('ready'), replayed.lastIndexOf('new-message') + 1, 'ready follows the last of them');

    const after = await alice.send(id, 'after');
    await tab.message(after.id);
    assert.deepEqual(tab.seqs(id), [before.seq, ...missed, after.seq]);
  });

  test('works when nothing had been received before', async (t) => {
    const { alice, id, tab, proxy } = await frailPair(t, each);
    let missed;
    const { recovered } = await outage(tab, proxy, async () => {
      missed = await sendMany(alice, id, 3);
    });
    assert.equal(recovered, true);
    assert.deepEqual(tab.seqs(id), missed);
  });

  test('works when nothing was missed', async (t) => {
    const { alice, id, tab, proxy } = await frailPair(t, each);
    assert.equal((await outage(tab, proxy)).recovered, true);
    const after = await alice.send(id, 'after');
    await tab.message(after.id);
    assert.deepEqual(tab.seqs(id), [after.seq]);
  });

  test('works again and again', async (t) => {
    const { alice, id, tab, proxy } = await frailPair(t, each);
    const seqs = [];
    for (const missed of [2, 0, 0, 3]) {
      const { recovered } = await outage(tab, proxy, async () => {
        seqs.push(...(await sendMany(alice, id, missed)));
      });
      assert.equal(recovered, true);
      assert.deepEqual(tab.seqs(id), seqs);
    }
  });

  test('loses and doubles nothing while messages keep coming', { timeout: 60_000 }, async (t) => {
    const { alice, bob, id, tab, proxy } = await frailPair(t, each);
    const other = await alice.create([bob]);
    const sent = { [id]: [], [other.id]: [] };
    const sender = async (conversation) => {
      while (sent[conversation].length < 150) {
        sent[conversation].push((await alice.send(conversation, 'and on')).seq);
      }
    };
    const sending = Promise.all(Object.keys(sent).map(sender));
    for (let cuts = 1; cuts <= 4; cuts += 1) {
      const before = tab.all('new-message').length;
      await tab.count('new-message', before + 15);
      await cut(tab, proxy);
      await tab.connected(cuts + 1);
    }
    await sending;
    await tab.count('new-message', 300);
    const fence = await alice.send(id, 'fence');
    await tab.message(fence.id);
    assert.deepEqual(tab.seqs(id), [...sent[id], fence.seq]);
    assert.deepEqual(tab.seqs(other.id), sent[other.id]);
    assert.deepEqual(sent[id], sent[id].map((_, i) => i + 2), 'seq has no gaps');
    assert.deepEqual(tab.connects.map(({ recovered }) => recovered), [false, true, true, true, true]);
  });

  test('works when the transport dies during the recovery', async (t) => {
    const { alice, id, tab, proxy } = await frailPair(t, each);
    proxy.refuse();
    await tab.disconnected();
    const missed = await sendMany(alice, id, 40);
    proxy.allow();
    await tab.connected(2);
    await cut(tab, proxy);
    await tab.connected(3);
    await tab.count('new-message', missed.length);
    const fence = await alice.send(id, 'fence');
    await tab.message(fence.id);
    assert.deepEqual(tab.seqs(id), [...missed, fence.seq]);
    assert.deepEqual(tab.connects.map(({ recovered }) => recovered), [false, true, true]);
  });

  test('takes over from a connection that the server still believes alive', async (t) => {
    const { alice, id, tab, proxy } = await frailPair(t, each);
    const before = await alice.send(id, 'before');
    await tab.message(before.id);
    await eventually(() => {
      proxy.abandon();
      return tab.disconnects.length > 0;
    }, 'the client to notice');
    const missed = await sendMany(alice, id, 3);
    await tab.ready(2);
    assert.equal(tab.connects[1].recovered, true);

    proxy.reap();
    const between = await alice.send(id, 'between');
    await tab.message(between.id);
    let more;
    const { recovered } = await outage(tab, proxy, async () => {
      more = await sendMany(alice, id, 2);
    });
    assert.equal(recovered, true, 'the late end of the old connection spoils nothing');
    assert.deepEqual(tab.seqs(id), [before.seq, ...missed, between.seq, ...more]);
  });

  test('keeps the conversations open that were open', async (t) => {
    const { alice, bob, id, tab, proxy } = await frailPair(t, each);
    const [typist] = await each.tabs(t, alice);
    const closed = await alice.create([bob]);
    await tab.join(id);
    await tab.join(closed.id);
    await tab.must('leave-conversation', closed.id);

    assert.equal((await outage(tab, proxy)).recovered, true);
    await typist.must('typing-start', closed.id);
    await typist.must('typing-start', id);
    await tab.next('user-typing', (data) => data.conversationId === id);
    const quiet = await alice.send(id, 'open');
    const loud = await alice.send(closed.id, 'closed');
    await tab.message(quiet.id);
    await tab.next('notification', (data) => data.messageId === loud.id);
    assert.equal(tab.all('notification').length, 1);
    assert.equal(tab.all('user-typing').length, 1);
  });

  test('does not open what its user was removed from and added to again', async (t) => {
    const { alice, bob, id, tab, proxy } = await frailPair(t, each);
    const [typist] = await each.tabs(t, alice);
    await tab.join(id);
    const { recovered } = await outage(tab, proxy, async () => {
      await alice.remove(id, bob);
      await alice.add(id, bob);
    });
    assert.equal(recovered, true);
    assert.equal(tab.all('conversation-deleted').length, 1);
    // Not now, nor when it comes back once more.
    for (const content of ['one', 'two']) {
      await typist.must('typing-start', id);
      const loud = await alice.send(id, content);
      await tab.next('notification', (data) => data.messageId === loud.id);
      assert.equal((await outage(tab, proxy)).recovered, true);
    }
    assert.equal(tab.all('user-typing').length, 0);
  });

  test('brings everything sequenced: creation, rename, removal', async (t) => {
    const { alice, bob, id, tab, proxy } = await frailPair(t, each);
    let created;
    const { recovered } = await outage(tab, proxy, async () => {
      created = await alice.create([bob], { title: 'new' });
      await alice.send(created.id, 'welcome');
      await alice.rename(created.id, 'renamed');
      await alice.send(id, 'the last you hear');
      await alice.remove(id, bob);
      await alice.send(id, 'not for bob');
    });
    assert.equal(recovered, true);
    const fence = await alice.send(created.id, 'fence');
    await tab.message(fence.id);
    assert.deepEqual(
      tab.about(created.id).filter(([event]) => event !== 'notification').map(([event, data]) => [event, data.seq]),
      [['conversation-updated', 1], ['new-message', 2], ['conversation-updated', 3], ['new-message', 4]],
    );
    const heard = tab.about(id).map(([event]) => event).filter((event) => event !== 'notification');
    assert.deepEqual(heard, ['new-message', 'conversation-deleted']);
  });

  test('checks the token again', async (t) => {
    const alice = server.user('alice');
    const { tab, proxy } = await each.frailTab(t, alice, { token: alice.token() });
    tab.socket.auth.token = alice.token({ ttl: -1 });
    await cut(tab, proxy);
    assert.deepEqual((await tab.refused()).data, { code: 'token_expired' });
  });
});

matrix('a client without recovery', { versions: ['4.5'] }, (each) => {
  test('reconnects, and sync gives what is missing', async (t) => {
    const { alice, bob, id, tab, proxy } = await frailPair(t, each);
    const before = await alice.send(id, 'before');
    await tab.message(before.id);
    let missed;
    let fresh;
    const { recovered } = await outage(tab, proxy, async () => {
      missed = await sendMany(alice, id, 5);
      fresh = await alice.create([bob]);
    });
    assert.equal(recovered, false);
    const after = await alice.send(id, 'after');
    await tab.message(after.id);
    assert.deepEqual(tab.seqs(id), [before.seq, after.seq], 'live events only');

    const answer = await bob.sync({ [id]: before.seq });
    const [entry] = answer.conversations.filter(({ conversationId }) => conversationId === id);
    assert.deepEqual(entry.events.map(({ seq }) => seq), [...missed, after.seq]);
    assert.equal(entry.lastSeq, after.seq);
    assert.equal(entry.more, false);
    assert.deepEqual(answer.joined.map((conversation) => conversation.id), [fresh.id]);
    assert.deepEqual(answer.left, []);
  });
});

test('past REPLAY_LIMIT recovered is false and sync gives what is missing', async (t) => {
  const small = new Server({ REPLAY_LIMIT: '20', MAX_REQUESTS_PER_MINUTE: '1000000' });
  await small.start();
  t.after(() => small.stop());
  const [alice, bob] = small.users('alice', 'bob');
  const { id } = await alice.create([bob]);
  const { tab, proxy } = await cell().frailTab(t, bob);

  let missed;
  const near = await outage(tab, proxy, async () => {
    missed = await sendMany(alice, id, 10);
  });
  assert.equal(near.recovered, true);
  assert.deepEqual(tab.seqs(id), missed);

  let skipped;
  const far = await outage(tab, proxy, async () => {
    skipped = await sendMany(alice, id, 30);
  });
  assert.equal(far.recovered, false);
  assert.deepEqual(tab.seqs(id), missed, 'no half of a replay');
  const { conversations } = await bob.sync({ [id]: missed.at(-1) });
  assert.deepEqual(conversations[0].events.map(({ seq }) => seq), skipped);

  const after = await alice.send(id, 'after');
  await tab.message(after.id);
  assert.equal((await outage(tab, proxy)).recovered, true, 'the new connection recovers in its turn');
  assert.equal(await small.metric('callboard_connections_opened_total', { resume: 'recovered' }), 2);
  assert.equal(await small.metric('callboard_connections_opened_total', { resume: 'expired' }), 1);
});

test('the pid of somebody else recovers nothing', async (t) => {
  const [alice, bob, mallory] = server.users('alice', 'bob', 'mallory');
  const { id } = await alice.create([bob]);
  const url = `${server.url}/socket.io/?EIO=4&transport=websocket`;
  const connect = async (auth) => {
    const raw = await RawSocket.open(t, url);
    raw.send(`40${JSON.stringify(auth)}`);
    const reply = JSON.parse((await raw.find((frame) => frame.startsWith('40'))).slice(2));
    const ready = JSON.parse((await raw.find((frame) => frame.startsWith('42'))).slice(2));
    assert.equal(ready[0], 'ready', 'nothing comes before it');
    return { raw, pid: reply.pid, offset: ready.at(-1) };
  };

  const bobs = await connect({ token: bob.token() });
  bobs.raw.ws.terminate();
  await alice.send(id, 'for bob only');
  const { pid, offset } = bobs;
  const stolen = await connect({ token: mallory.token(), pid, offset });
  assert.notEqual(stolen.pid, pid);
  for (const odd of [{ pid }, { offset }, { pid: 7, offset: {} }, { pid, offset: 'nonsense' }, { pid: 'nonsense', offset }]) {
    const fresh = await connect({ token: mallory.token(), ...odd });
    assert.notEqual(fresh.pid, pid);
  }
});
