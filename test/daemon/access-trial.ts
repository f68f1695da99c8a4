// A simulated daemon with a small site and users of every kind, and requests to it over TCP exactly as they are written.
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '../../src/api/client.ts';
import { createNodeTransport, type NodeTransport } from '../../src/api/node-transport.ts';
import { createSimulatedWorld, type SimulatedDaemon, type SimulatedWorld, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { digestOf } from '../../src/lib/secret.ts';
import type { Role } from '../../src/model/rights.ts';
import type { Site } from '../../src/model/site.ts';
import { sampleSite } from './sample-site.ts';

export const trialPassword = 'four words of these tests';

export interface TrialAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Who asks: what is sent along. */
export type Headers = Record<string, string>;

/** `web` in the zone external, `database` in internal, `gate` in both. */
function trialSite(): Site {
  const site = sampleSite(3);
  const [web, database, gate] = Object.values(site.guests) as [Site['guests'][string], Site['guests'][string], Site['guests'][string]];
  return {
    ...site,
    zones: {
      external: { subnets: ['192.0.2.0/24'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } },
      internal: { subnets: ['10.20.0.0/16'] },
    },
    images: {
      shop: {
        recipe: 'debian',
        suite: 'bookworm',
        packages: [],
        files: { '/etc/shop.conf': { text: `password ${privateText}`, mode: '0600' } },
        run: [],
        sizeMib: 2048,
      },
    },
    flows: [
      { from: 'world', to: 'web', allow: ['tcp/80'] },
      { from: 'web', to: 'database', allow: ['tcp/3306'] },
    ],
    guests: {
      web: { ...web, userData: `#cloud-config\npassword: ${privateText}\n`, nics: [{ zone: 'external', addresses: ['192.0.2.10'] }] },
      database: { ...database, display: 'none', nics: [{ zone: 'internal', addresses: ['10.20.0.10'] }] },
      gate: {
        ...gate,
        nics: [
          { zone: 'external', addresses: ['192.0.2.11'] },
          { zone: 'internal', addresses: ['10.20.0.11'] },
        ],
      },
    },
  };
}

export class AccessTrial {
  readonly url: string;
  readonly port: number;
  /** Over the unix socket: may everything. */
  readonly local: Client;
  readonly socketPath: string;
  #daemon: SimulatedDaemon;
  readonly #folder: string;
  readonly #world: SimulatedWorld;
  readonly #time: { laterMs: number };
  readonly #transports: NodeTransport[];

  private constructor(daemon: SimulatedDaemon, world: SimulatedWorld, folder: string, socketPath: string, time: { laterMs: number }) {
    const transport = createNodeTransport({ socketPath });
    this.#daemon = daemon;
    this.#world = world;
    this.url = daemon.urls.find((url) => url.startsWith('http')) ?? '';
    this.port = Number(new URL(this.url).port);
    this.local = createClient(transport);
    this.socketPath = socketPath;
    this.#folder = folder;
    this.#time = time;
    this.#transports = [transport];
  }

  /** Its guests run and are ready. */
  static async open(): Promise<AccessTrial> {
    const folder = await mkdtemp(join(tmpdir(), 'caisson-access-'));
    const time = { laterMs: 0 };
    const world = createSimulatedWorld({ clock: { ...systemClock, now: () => Date.now() + time.laterMs } });
    // What nobody can make through the API: a token that has ended.
    const expired = {
      name: 'expired',
      digest: digestOf(expiredSecret),
      bindings: [{ role: 'administrator', on: 'site' }],
      createdAt: 0,
      endsAt: 1,
    };
    await world.store.put('token/expired', expired, { expected: 'absent' });
    const socketPath = join(folder, 'api.sock');
    const daemon = await start(world, socketPath, 0);
    const trial = new AccessTrial(daemon, world, folder, socketPath, time);
    try {
      const job = await trial.local.call('siteApply', { body: { site: trialSite() } });
      const { state, error } = await daemon.engine.jobs.wait(job.uid);
      if (state !== 'succeeded') throw new Error(`the site was not made: ${error?.message}`);
    } catch (error) {
      await trial.close();
      throw error;
    }
    return trial;
  }

  get daemon(): SimulatedDaemon {
    return this.#daemon;
  }

  /** Another daemon in the same world, at the same address. */
  async restart(): Promise<void> {
    await this.#daemon.close();
    this.#daemon = await start(this.#world, this.socketPath, this.port);
  }

  /** The daemon's time of day from now on. */
  later(ms: number): void {
    this.#time.laterMs += ms;
  }

  async close(): Promise<void> {
    for (const transport of this.#transports) transport.close();
    await this.#daemon.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** A user with these roles who is signed in: the bearer header of the session. */
  async user(name: string, ...bindings: [Role, string][]): Promise<Headers> {
    const body = { name, password: trialPassword, bindings: bindings.map(([role, on]) => ({ role, on })) };
    await this.local.call('userAdd', { body });
    return bearer(await this.signIn(name));
  }

  /** The token of a new session. Not from an address that is counted. */
  async signIn(user: string): Promise<string> {
    const { token } = await this.local.call('login', { body: { user, password: trialPassword, as: 'token' } });
    return token ?? '';
  }

  /** The cookie of a new session, as a browser would send it. */
  async cookie(user: string): Promise<Headers> {
    const answer = await this.ask({ method: 'POST', path: '/v1/login', json: { user, password: trialPassword }, headers: this.ownPage });
    const [cookie = ''] = answer.headers['set-cookie'] ?? [];
    return { cookie: cookie.split(';')[0] ?? '' };
  }

  /** What a browser sends along with requests of the daemon's own page. */
  get ownPage(): Headers {
    return { origin: this.url, 'sec-fetch-site': 'same-origin' };
  }

  client(token: string): Client {
    const transport = this.transport(token);
    return createClient(transport);
  }

  transport(token: string): NodeTransport {
    const transport = createNodeTransport({ url: this.url, token }, { reconnectForMs: 0 });
    this.#transports.push(transport);
    return transport;
  }

  ask(options: { method?: string; path: string; headers?: Headers; body?: string | Buffer; json?: unknown }): Promise<TrialAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<TrialAnswer>();
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    const headers = { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers };
    const outgoing = httpRequest(
      { host: '127.0.0.1', port: this.port, method: options.method ?? 'GET', path: options.path, headers, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text: '' });
    });
    outgoing.on('error', reject);
    outgoing.end(body);
    return promise;
  }
}

function start(world: SimulatedWorld, socketPath: string, port: number): Promise<SimulatedDaemon> {
  return startSimulatedDaemon({ world, socketPath, port, bootMs: 1, checkResponses: true });
}

/** In a guest's user data, and in a file of an image. */
export const privateText = 'a-password-in-a-text';

export const expiredSecret = 'caisson_token_expired-long-ago';

export function bearer(secret: string): Headers {
  return { authorization: `Bearer ${secret}` };
}

/** What a websocket's first request has. */
export const websocketHeaders: Headers = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
