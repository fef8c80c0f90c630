// Every client version by every way to connect.

import { describe } from 'node:test';
import { io as io48 } from 'sio-4.8';
import { io as io47 } from 'sio-4.7';
import { io as io45 } from 'sio-4.5';
import { Tab } from './tab.js';
import { FaultProxy } from './proxy.js';

const VERSIONS = { 4.8: io48, 4.7: io47, 4.5: io45 };
const TRANSPORTS = { websocket: ['websocket'], polling: ['polling'], upgrade: ['polling', 'websocket'] };

/** Clients from 4.6 on recover their connection state. */
export const RECOVERING = ['4.8', '4.7'];

class Cell {
  constructor(version, transport) {
    this.version = version;
    this.transport = transport;
    this.name = `client ${version}, ${transport}`;
    this.io = VERSIONS[version];
    this.transports = TRANSPORTS[transport];
  }

  /** A tab that goes with the test; not awaited: the test says what it waits for. */
  open(t, url, options = {}) {
    const tab = new Tab(this.io, url, { transports: this.transports, ...options });
    t.after(() => tab.close());
    return tab;
  }

  /** A connected tab of a user. */
  async tab(t, user, options = {}) {
    const tab = this.open(t, user.server.url, { token: user.token(), ...options });
    await tab.ready();
    return tab;
  }

  tabs(t, ...users) {
    return Promise.all(users.map((user) => this.tab(t, user)));
  }

  /** A connected tab of a user behind a fault proxy of its own. */
  async frailTab(t, user, options = {}) {
    const proxy = await FaultProxy.start(Number(new URL(user.server.url).port));
    t.after(() => proxy.close());
    const tab = this.open(t, proxy.url, { token: user.token(), ...options });
    await tab.ready();
    return { tab, proxy };
  }
}

export const cell = (version = '4.8', transport = 'websocket') => new Cell(version, transport);

export function allCells(versions = Object.keys(VERSIONS), transports = Object.keys(TRANSPORTS)) {
  return versions
    .toSorted((a, b) => b - a)
    .flatMap((version) => transports.map((transport) => cell(version, transport)));
}

/** Defines the same tests once per cell; `atOnce` cells run side by side, their tests too. */
export function matrix(title, { versions, transports, atOnce = 3 }, define) {
  describe(title, { concurrency: atOnce }, () => {
    for (const each of allCells(versions, transports)) describe(each.name, { concurrency: true }, () => define(each));
  });
}
