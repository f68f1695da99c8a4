// The example's network with two more guests in it that may do nothing at all, and an ear on everybody: what an attacker sends is counted
// where it enters the host, and looked for wherever it could come out. And a plain shared wire beside it, where the same frames arrive.
import assert from 'node:assert/strict';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import { exampleNetwork, exampleNics } from '../network/example-network.ts';
import { RealNetwork, world } from '../network/real-network.ts';
import { AttackerGuest } from './attacker-guest.ts';
import { ethernet, ip, protocols, udp } from './frames.ts';
import { Mark, Wire } from './wire.ts';

const idle = (guestName: string, zone: string, number: number, addresses: string[]): NetworkNic => {
  const guest = `gabcdefghj${number}`;
  return { guest, guestName, zone, tap: `cs${guest}0`, mac: `52:54:00:00:00:0${number}`, addresses };
};

export const attackNics = {
  ...exampleNics,
  mallory: idle('mallory', 'internal', 6, ['10.20.0.66', 'fd20:0:a14:5::66']),
  trudy: idle('trudy', 'external', 7, ['192.0.2.66', '2001:db8:1::66']),
};
export const attackNetwork: NetworkState = { ...exampleNetwork, nics: Object.values(attackNics) };

export interface Outcome {
  /** Frames that came out of the attacker into the host. */
  left: number;
  /** Where they were found: names of guests, `world`, or `host` for the host's own programs. */
  heard: string[];
}

export class AttackLab {
  readonly real: RealNetwork;
  /** In the guests' network: on every tap. */
  #host: Wire | undefined;
  readonly #ears = new Map<string, Wire>();
  readonly #booted: 'mallory' | undefined;
  #attacker: AttackerGuest | undefined;
  readonly #macs = { taps: '', uplink: '' };

  /** With `booted` that guest is a booted one, which only sends: its wire is heard by nobody. */
  constructor(name: string, { booted }: { booted?: 'mallory' } = {}) {
    this.real = new RealNetwork(name);
    this.#booted = booted;
  }

  async open(): Promise<void> {
    const { real } = this;
    await real.open();
    await real.network.apply(attackNetwork);
    if (this.#booted) this.#attacker = await AttackerGuest.boot(attackNics[this.#booted], attackNetwork, real.guestsNetwork);
    for (const nic of this.#namespaced) {
      const namespace = await real.plug(nic, attackNetwork);
      await real.network.connect(nic.tap);
      await this.#listen(nic.guestName, namespace, 'eth0');
    }
    await this.#listen('world', real.worldNetwork, 'eth0');
    await this.#listen('host', real.guestsNetwork, 'local');
    this.#host = new Wire(real.guestsNetwork, real.folder);
    await this.#host.hear(...attackNetwork.nics.map(({ tap }) => tap), 'eth1');
    this.#macs.taps = await macOf(real.guestsNetwork, attackNics.mallory.tap);
    this.#macs.uplink = await macOf(real.guestsNetwork, 'eth1');
    await real.routeWorldVia('192.0.2.10', '10.20.0.0/16');
    await real.routeWorldVia('2001:db8:1::10', 'fd20:0:a14:5::/64');
    // Everybody's neighbours are known: nothing waits for an answer.
    for (const nic of attackNetwork.nics)
      for (const address of nic.addresses)
        assert.notEqual(await real.probe(real.guestsNetwork, { protocol: 'tcp', to: address, port: 9 }), 'silent', address);
  }

  get #namespaced(): readonly NetworkNic[] {
    return attackNetwork.nics.filter(({ guestName }) => guestName !== this.#booted);
  }

  /** The one that is booted. */
  get attacker(): AttackerGuest {
    if (!this.#attacker) throw new Error('nobody is booted');
    return this.#attacker;
  }

  async #listen(name: string, namespace: string, on: string): Promise<void> {
    const wire = new Wire(namespace, this.real.folder);
    await wire.hear(on);
    this.#ears.set(name, wire);
  }

  /** The MAC address that they know the host by. */
  hostMacFor(from: string): string {
    return from === 'world' ? this.#macs.uplink : this.#macs.taps;
  }

  wireOf(name: string): Wire {
    const wire = this.#ears.get(name);
    if (!wire) throw new Error(`nobody is called ${name}`);
    return wire;
  }

  /** Sends frames from a guest or from the `world`, and tells where they were found when all of them have been seen by the host. */
  async send(from: string, make: (mark: Mark) => readonly Uint8Array[]): Promise<Outcome> {
    const mark = new Mark();
    const frames = make(mark).map((frame) => mark.behind(frame));
    const tap = from === 'world' ? 'eth1' : (attackNetwork.nics.find(({ guestName }) => guestName === from)?.tap ?? '');
    const sent = await (from === this.#booted ? this.attacker : this.wireOf(from)).send('eth0', frames);
    assert.equal(sent, frames.length, `${from} could not send all`);
    let left = 0;
    await waitFor(
      `the host sees what ${from} has sent`,
      async () => {
        const found = (await this.#host?.heard())?.filter(({ on, id }) => on === tap && id === mark.id) ?? [];
        left += found.reduce((sum, { times }) => sum + times, 0);
        return left >= frames.length;
      },
      { timeoutMs: from === this.#booted ? 20_000 : 5000, everyMs: 2 },
    );
    const heard = await this.heardSince(mark);
    return { left, heard: heard.filter((name) => name !== from) };
  }

  /** The booted attacker sends frames with headers of offloads, as far as its own kernel lets it; where they were found. */
  async sendOffloaded(make: (mark: Mark) => readonly Uint8Array[]): Promise<{ sent: number; heard: string[] }> {
    const mark = new Mark();
    const sent = await this.attacker.sendOffloaded('eth0', make(mark));
    // What it sends after them comes after them.
    const last = new Mark();
    await this.attacker.send('eth0', [ethernet({ from: attackNics.mallory.mac, to: this.#macs.taps }, 0x88b5, last.bytes)]);
    await waitFor(
      'the host sees what the attacker has sent',
      async () => (await this.#host?.heard())?.some(({ on, id }) => on === attackNics.mallory.tap && id === last.id),
      { timeoutMs: 20_000, everyMs: 10 },
    );
    return { sent, heard: await this.heardSince(mark) };
  }

  /** Sends forbidden packets of several kinds as fast as it can, from a guest and from the world, while `work` is done. */
  async flood(work: () => Promise<void>): Promise<{ mark: Mark; sent: number }> {
    const mark = new Mark();
    const floods = (['mallory', 'world'] as const).map((from) => ({
      wire: this.wireOf(from),
      frames: forbiddenFrames(from, this.hostMacFor(from), mark),
    }));
    for (const { wire, frames } of floods) await wire.flood('eth0', frames);
    await work();
    const sent = await Promise.all(floods.map(({ wire }) => wire.still()));
    return { mark, sent: Math.min(...sent) };
  }

  /** Who has heard a mark, or anything marked, since somebody asked last. */
  async heardSince(mark?: Mark): Promise<string[]> {
    const fence = new Mark();
    await this.#sendFence(fence);
    const heard = new Set<string>();
    const look = async () => {
      let fenced = false;
      for (const [name, wire] of this.#ears) {
        for (const { id } of await wire.heard()) {
          if (id === fence.id) fenced = true;
          else if (mark === undefined || id === mark.id) heard.add(name);
        }
      }
      return fenced;
    };
    await waitFor('the fence is heard', look, { timeoutMs: 5000, everyMs: 2 });
    await look();
    return [...heard];
  }

  /** A frame that the host itself sends to a guest later than what was under way. */
  async #sendFence(mark: Mark): Promise<void> {
    const { tap, mac } = attackNics.database;
    await this.#host?.send(tap, [ethernet({ from: this.#macs.taps, to: mac }, 0x88b5, mark.bytes)]);
  }

  /** What the host believes of its neighbours and should not: a guest's address somewhere else, or by another MAC. */
  async wrongNeighbours(): Promise<string[]> {
    const { stdout } = await run(['ip', '-n', this.real.guestsNetwork, '-j', 'neigh', 'show']);
    return (JSON.parse(stdout) as { dst: string; dev: string; lladdr?: string }[])
      .filter(({ dst, dev, lladdr }) => {
        const nic = attackNetwork.nics.find(({ tap }) => tap === dev);
        const isOwn = dst.startsWith('fe80:') || nic?.addresses.includes(dst);
        return nic
          ? !isOwn || (lladdr !== undefined && lladdr !== nic.mac)
          : attackNetwork.nics.some(({ addresses }) => addresses.includes(dst));
      })
      .map(({ dst, dev, lladdr }) => `${dst} on ${dev} is ${lladdr}`);
  }

  /** Flows pass and the idle reach nobody. */
  async assertFlows(): Promise<void> {
    const { real } = this;
    const { web, database, mallory } = attackNics;
    for (const [index, from] of web.addresses.entries()) {
      const to = database.addresses[index === 2 ? 1 : 0] ?? '';
      assert.match(await real.probe(real.guestOf(web), { protocol: 'tcp', from, to, port: 3306 }), reached);
      if (!this.#booted) assert.equal(await real.probe(real.guestOf(mallory), { protocol: 'tcp', to, port: 3306 }, 5000), 'prohibited');
      assert.match(await real.probe(real.worldNetwork, { protocol: 'tcp', to: from, port: 80 }), reached);
    }
  }

  /** Takes every guard away: no rules, no refusal to route what no rule has seen, no second look at where a sender's address lies. */
  async takeGuardsAway(): Promise<void> {
    const { real } = this;
    await real.nft(real.guestsNetwork, 'flush ruleset');
    for (const family of ['-4', '-6']) {
      const { stdout } = await run(['ip', '-n', real.guestsNetwork, '-j', family, 'rule', 'show']);
      for (const { priority, action } of JSON.parse(stdout) as { priority: number; action?: string }[])
        if (action === 'blackhole') await run(['ip', '-n', real.guestsNetwork, family, 'rule', 'del', 'priority', String(priority)]);
    }
    const off = Object.fromEntries(
      ['all', 'eth1', ...attackNetwork.nics.map(({ tap }) => tap)].map((name) => [`net/ipv4/conf/${name}/rp_filter`, 0]),
    );
    await real.sysctl(real.guestsNetwork, off);
  }

  async close(): Promise<void> {
    await this.#attacker?.close();
    for (const wire of [...this.#ears.values(), ...(this.#host ? [this.#host] : [])]) await wire.end();
    await this.real.close();
  }
}

const reached = /^(?:open|closed)$/;

/** To a guest that the sender has no flow to, and to one that he has none to by that port, by both families. */
function forbiddenFrames(from: 'mallory' | 'world', to: string, mark: Mark): Buffer[] {
  const senders = from === 'world' ? [world.far, world.far6] : attackNics.mallory.addresses;
  const mac = from === 'world' ? '02:00:00:00:00:99' : attackNics.mallory.mac;
  return [attackNics.database, attackNics.dns].flatMap((nic) =>
    nic.addresses.map((address, index) => {
      const between = { from: senders[index] ?? '', to: address };
      return ip({ from: mac, to }, { ...between, protocol: protocols.udp, payload: udp(between, { from: 7, to: 7 }, mark.bytes) });
    }),
  );
}

async function macOf(namespace: string, name: string): Promise<string> {
  const { stdout } = await run(['ip', '-n', namespace, '-j', 'link', 'show', 'dev', name]);
  return (JSON.parse(stdout) as { address: string }[])[0]?.address ?? '';
}
