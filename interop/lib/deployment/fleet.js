// A fleet: two APIs and some gateways behind a proxy that sends every request and every upgrade to
// any of them, with a database and a Redis of its own.

import { writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Child, run, temporaryFolder } from '../process.js';
import { sparePort } from '../ports.js';

const APIS = 2;
const local = (port) => `127.0.0.1:${port}`;

export class Fleet {
  title = 'the fleet';
  #folder = temporaryFolder();
  #token = randomBytes(16).toString('hex');
  #roles = [];
  #all = [];

  constructor(binary, count) {
    this.binary = binary;
    this.count = count;
  }

  async choosePorts() {
    if (this.port) return;
    const process = async () => ({ port: await sparePort(), admin: await sparePort(), internal: await sparePort() });
    this.port = await sparePort();
    this.redisPort = await sparePort();
    this.apis = await Promise.all(Array.from({ length: APIS }, process));
    this.gateways = await Promise.all(Array.from({ length: this.count }, process));
  }

  get adminPorts() {
    return [...this.gateways, ...this.apis].map(({ admin }) => admin);
  }

  /** One gateway's own port, for what a proxy would not let through. */
  get wirePort() {
    return this.gateways[0].port;
  }

  env(secret) {
    return {
      CLIENT_URL: `http://localhost:3000,http://${local(this.port)}`,
      JWT_SECRET: secret,
      RUST_LOG: 'info',
      DRAIN_DELAY: '0',
      DRAIN_WINDOW: '0',
    };
  }

  async start(env) {
    this.database ??= await this.#createDatabase();
    const services = {
      ...env,
      REDIS_URL: `redis://${local(this.redisPort)}`,
      DATABASE_URL: this.database,
      INTERNAL_TOKEN: this.#token,
    };
    const ports = ({ port, admin, internal }) => ({
      LISTEN: local(port),
      ADMIN_LISTEN: local(admin),
      INTERNAL_LISTEN: local(internal),
    });
    // Nothing on disk: like the bus of `callboard dev`, it is gone when the server is.
    this.redis = this.#run('redis-server', 'redis-server', ['--port', `${this.redisPort}`, '--bind', '127.0.0.1', '--save', '', '--dir', this.#folder]);
    const { code, stderr } = await run('callboard migrate', this.binary, ['migrate'], services);
    if (code !== 0) throw new Error(`callboard migrate failed:\n${stderr}`);
    this.#roles = [
      ...this.apis.map((api, i) => this.#run(`API ${i}`, this.binary, ['api'], { ...services, ...ports(api) })),
      ...this.gateways.map((gateway, i) => {
        const env = { ...services, ...ports(gateway), API_URL: `http://${local(this.apis[i % APIS].internal)}` };
        return this.#run(`gateway ${i}`, this.binary, ['gateway'], env);
      }),
    ];
    this.proxy = this.#run('haproxy', 'haproxy', ['-db', '-f', this.#proxyConfiguration()]);
  }

  #run(title, command, args, env = {}) {
    const child = new Child(title, command, args, env);
    this.#all.push(child);
    return child;
  }

  async #createDatabase() {
    const server = process.env.POSTGRES_URL;
    if (!server) throw new Error('POSTGRES_URL names no PostgreSQL server: run these tests by interop/run.sh');
    const name = `interop_${randomBytes(8).toString('hex')}`;
    const url = new URL(server);
    const { code, stderr } = await run('createdb', 'createdb', ['--maintenance-db', server, name]);
    if (code !== 0) throw new Error(`no database could be created:\n${stderr}`);
    url.pathname = `/${name}`;
    return url.href;
  }

  #proxyConfiguration() {
    const servers = (list) => list.map(({ port }, i) => `  server s${i} ${local(port)}`).join('\n');
    const file = join(this.#folder, 'haproxy.cfg');
    writeFileSync(
      file,
      `defaults
  mode http
  timeout connect 2s
  timeout client 120s
  timeout server 120s
  timeout tunnel 1h
  option redispatch
  option abortonclose
  balance random(1)
frontend public
  bind ${local(this.port)}
  use_backend gateways if { path_beg /socket.io }
  default_backend apis
backend gateways
${servers(this.gateways)}
backend apis
${servers(this.apis)}
`,
    );
    return file;
  }

  /** One gateway's own address. */
  gatewayUrl(number) {
    return `http://${local(this.gateways[number].port)}`;
  }

  /** SIGTERM to one gateway; resolves to its exit status and to how long it took, in seconds. */
  async drain(number, patience) {
    const start = performance.now();
    const { code } = await this.#roles[APIS + number].end('SIGTERM', patience);
    return { code, seconds: (performance.now() - start) / 1_000 };
  }

  get alive() {
    return this.#roles.every((child) => child.alive);
  }

  get log() {
    return this.#all.map((child) => child.log).join('');
  }

  /** SIGTERM to every gateway, then to every API; resolves to the highest exit status. */
  async stop() {
    const end = async (children) => Promise.all(children.map((child) => child.end('SIGTERM')));
    const codes = [...(await end(this.#roles.slice(APIS))), ...(await end(this.#roles.slice(0, APIS)))];
    await this.#endServices();
    return Math.max(...codes.map(({ code }) => code ?? 255));
  }

  /** SIGKILL to everything that is ours. */
  async kill() {
    await Promise.all(this.#roles.map((child) => child.end('SIGKILL')));
    await this.#endServices();
  }

  async #endServices() {
    await Promise.all([this.proxy.end('SIGTERM'), this.redis.end('SIGTERM')]);
  }
}
