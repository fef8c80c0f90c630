// One browser tab: a stock Socket.IO client on a connection of its own that records all it hears.

import assert from 'node:assert/strict';
import { PATIENCE, Recorder } from './recorder.js';

export class Tab extends Recorder {
  heard = [];
  disconnects = [];
  refusals = [];
  attempts = 0;
  connects = [];

  constructor(io, url, { token, auth = { token }, ...options } = {}) {
    super();
    this.socket = io(url, {
      auth,
      forceNew: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
      ...options,
    });
    this.socket.on('connect', () => {
      this.connects.push({ recovered: this.socket.recovered === true, heardBefore: this.heard.length });
      this.changed();
    });
    this.socket.on('disconnect', (reason) => {
      this.disconnects.push(reason);
      this.changed();
    });
    this.socket.on('connect_error', (error) => {
      this.refusals.push(error);
      this.changed();
    });
    this.socket.io.on('reconnect_attempt', () => {
      this.attempts += 1;
      this.changed();
    });
    this.socket.onAny((event, data, ...rest) => {
      this.heard.push({ event, data, rest, at: performance.now() });
      this.changed();
    });
  }

  summary() {
    const heard = this.heard.map(({ event, data }) => `${event} ${JSON.stringify(data)?.slice(0, 160)}`);
    const refused = this.refusals.map((error) => `connect_error ${error.message}`);
    return [...heard, ...refused, ...this.disconnects.map((reason) => `disconnect: ${reason}`)].slice(-40).join('\n');
  }

  close() {
    this.socket.disconnect();
  }

  /** The data of every event of this name that fits, in the order of arrival. */
  all(event, fits = () => true) {
    return this.heard.filter((entry) => entry.event === event && fits(entry.data)).map((entry) => entry.data);
  }

  /** What was heard of one conversation, as `[event, data]`, without `ready` and the like. */
  about(conversationId) {
    return this.heard
      .filter(({ data }) => data?.conversationId === conversationId)
      .map(({ event, data }) => [event, data]);
  }

  /** The first event of this name that fits, heard already or not. */
  next(event, fits = () => true, patience) {
    return this.until(() => this.heard.find((entry) => entry.event === event && fits(entry.data)), `a fitting ${event}`, patience)
      .then((entry) => entry.data);
  }

  /** As many of them, at least. */
  count(event, wanted, fits = () => true, patience) {
    return this.until(() => {
      const found = this.all(event, fits);
      return found.length >= wanted && found;
    }, `${wanted} fitting ${event}`, patience);
  }

  message(messageId, patience) {
    return this.next('new-message', (data) => data.message.id === messageId, patience);
  }

  /** The seqs of the new-message events of one conversation, as they arrived. */
  seqs(conversationId) {
    return this.all('new-message', (data) => data.conversationId === conversationId).map((data) => data.seq);
  }

  ready(nth = 1) {
    return this.count('ready', nth).then((found) => found[nth - 1]);
  }

  connected(nth = 1) {
    return this.until(() => this.connects[nth - 1], `connection ${nth}`);
  }

  disconnected(nth = 1, patience) {
    return this.until(() => this.disconnects[nth - 1], `disconnection ${nth}`, patience);
  }

  refused(nth = 1) {
    return this.until(() => this.refusals[nth - 1], `connect_error ${nth}`);
  }

  upgraded() {
    const engine = this.socket.io.engine;
    engine.on('upgrade', () => this.changed());
    return this.until(() => engine.transport.name === 'websocket', 'the upgrade to WebSocket');
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** Emits and resolves to the server's answer, good or bad. */
  ask(event, ...args) {
    return new Promise((resolve, reject) => {
      this.socket.timeout(PATIENCE).emit(event, ...args, (late, answer) => {
        if (late) reject(new Error(`no answer to ${event} within ${PATIENCE} ms`));
        else resolve(answer);
      });
    });
  }

  /** Emits and resolves to a good answer. */
  async must(event, ...args) {
    const answer = await this.ask(event, ...args);
    assert.equal(answer?.ok, true, `${event}: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Emits and resolves to the error of a bad answer, whose shape it checks. */
  async mustNot(event, ...args) {
    const answer = await this.ask(event, ...args);
    assert.equal(answer?.ok, false, `${event}: ${JSON.stringify(answer)}`);
    assert.equal(typeof answer.error.message, 'string');
    return answer.error.code;
  }

  join(conversationId) {
    return this.must('join-conversation', conversationId);
  }
}
