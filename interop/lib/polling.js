// Engine.IO over HTTP long-polling, one request at a time and by hand.

import { request } from './http.js';

export const SEPARATOR = '\x1e';

export class Polling {
  /** Shakes hands; `handshake` holds what the server said. */
  static async open(url, path = '/engine.io/') {
    const base = `${url}${path}?EIO=4&transport=polling`;
    const answer = await request(base);
    const session = new Polling();
    session.opened = answer;
    session.handshake = JSON.parse(answer.text.slice(1));
    session.sid = session.handshake.sid;
    session.url = `${base}&sid=${session.sid}`;
    session.webSocketUrl = `${url}${path}?EIO=4&transport=websocket&sid=${session.sid}`;
    return session;
  }

  get(options) {
    return request(this.url, options);
  }

  post(body, options) {
    return request(this.url, { method: 'POST', headers: { 'content-type': 'text/plain;charset=UTF-8' }, body, ...options });
  }

  /** Polls until a packet other than a ping comes, answering pings; resolves to the packets of that payload. */
  async poll() {
    for (;;) {
      const { status, text } = await this.get();
      if (status !== 200) throw new Error(`polling ended with ${status} ${text}`);
      const packets = text.split(SEPARATOR);
      if (packets.includes('2')) await this.post('3');
      const rest = packets.filter((packet) => packet !== '2');
      if (rest.length > 0) return rest;
    }
  }

  /** So many packets, from as many polls as it takes. */
  async packets(count) {
    const found = [];
    while (found.length < count) found.push(...(await this.poll()));
    return found;
  }
}
