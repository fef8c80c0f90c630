// `callboard dev`: everything in one process.

import { Child, temporaryFolder } from '../process.js';
import { sparePort } from '../ports.js';

export class Dev {
  title = 'callboard dev';
  folder = temporaryFolder();

  constructor(binary) {
    this.binary = binary;
  }

  async choosePorts() {
    this.port ??= await sparePort();
    this.adminPort ??= await sparePort();
  }

  get adminPorts() {
    return [this.adminPort];
  }

  get wirePort() {
    return this.port;
  }

  env(secret) {
    return {
      LISTEN: `127.0.0.1:${this.port}`,
      ADMIN_LISTEN: `127.0.0.1:${this.adminPort}`,
      DATA_DIR: this.folder,
      JWT_SECRET: secret,
      RUST_LOG: 'info',
    };
  }

  async start(env, args = ['dev']) {
    this.child = new Child(`${this.title} on port ${this.port}`, this.binary, args, env);
  }

  get alive() {
    return this.child.alive;
  }

  get log() {
    return this.child.log;
  }

  /** SIGTERM; resolves to the exit status. */
  async stop() {
    const { code } = await this.child.end('SIGTERM');
    return code;
  }

  async kill() {
    await this.child.end('SIGKILL');
  }
}
