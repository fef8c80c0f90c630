// A bare WebSocket that speaks Engine.IO by hand, and answers pings unless told not to.

import WebSocket from 'ws';
import { Recorder } from './recorder.js';

export class RawSocket extends Recorder {
  frames = [];
  closed = false;

  /** Opens and resolves once the handshake is over; rejects with `error.status` when it is refused. */
  static async open(t, url, { pongs = true, ...options } = {}) {
    const raw = new RawSocket(new WebSocket(url.replace(/^http/, 'ws'), options), pongs);
    t.after(() => raw.ws.terminate());
    await raw.until(() => {
      if (raw.error) throw raw.error;
      return raw.opened;
    }, 'the WebSocket to open');
    return raw;
  }

  constructor(ws, pongs) {
    super();
    this.ws = ws;
    ws.on('open', () => {
      this.opened = true;
      this.changed();
    });
    ws.on('unexpected-response', (_request, response) => {
      this.error = Object.assign(new Error(`refused with ${response.statusCode}`), { status: response.statusCode });
      response.resume();
      this.changed();
    });
    ws.on('error', (error) => {
      this.error ??= error;
      this.changed();
    });
    ws.on('message', (data, isBinary) => {
      const frame = isBinary ? data : data.toString();
      if (frame === '2' && pongs) ws.send('3');
      else this.frames.push(frame);
      this.changed();
    });
    ws.on('close', (code) => {
      this.closed = true;
      this.code = code;
      this.closedAt = performance.now();
      this.changed();
    });
  }

  summary() {
    return this.frames.map(String).slice(-20).join('\n');
  }

  send(...frames) {
    for (const frame of frames) this.ws.send(frame);
  }

  /** The next frame, in the order of arrival. */
  async receive() {
    await this.until(() => {
      if (this.closed && this.frames.length === 0) throw new Error('closed while a frame was awaited');
      return this.frames.length > 0;
    }, 'a frame');
    return this.frames.shift();
  }

  /** The first frame that fits; what came before it is dropped. */
  async find(fits) {
    for (;;) {
      const frame = await this.receive();
      if (fits(frame)) return frame;
    }
  }

  gone(patience) {
    return this.until(() => this.closed, 'the server to close the WebSocket', patience);
  }
}
