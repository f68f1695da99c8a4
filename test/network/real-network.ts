// A real network for tests: namespaces in the place of guests and of the world, plugged where taps and the uplink would be. Needs root.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createNftablesNetwork } from '../../src/drivers/nftables/network.ts';
import type { Network } from '../../src/drivers/network.ts';
import { createKernelNetwork } from '../../src/helper/network/kernel-network.ts';
import { run } from '../../src/lib/exec.ts';
import { silentLog } from '../../src/lib/log.ts';
import { familyOf } from '../../src/model/address.ts';
import type { NetworkChange, NetworkHelper } from '../../src/model/network-helper.ts';
import type { NetworkNic, NetworkState } from '../../src/model/network-state.ts';
import type { Probe, ProbeResult, Request } from './inside.ts';

/** An ordinary user of nobody's; a machine's data directories take theirs from other ranges. */
const dnsmasqUser = 1_899_999_999;

export const world = { wire: '192.0.2.1', wire6: '2001:db8:1::1', far: '203.0.113.9', far6: '2001:db8:ffff::9', elsewhere: '198.51.100.7' };

export class RealNetwork {
  readonly guestsNetwork: string;
  readonly worldNetwork: string;
  readonly helper: NetworkHelper;
  readonly network: Network;
  readonly folder = mkdtempSync('/tmp/caisson-test-network-');
  readonly #prefix: string;
  readonly #namespaces: string[] = [];
  readonly #insides = new Map<string, Inside>();
  readonly #plugged = new Map<string, string>();
  readonly #listeners = new Set<(what: NetworkChange) => void>();
  /** Full readings of the rules so far: the work that hearing of changes saves. */
  fullReads = 0;
  /** Rules put in force whole so far: the work that a change saves. */
  wholePuts = 0;

  /** `name` makes the names of namespaces; at most six letters. */
  constructor(name: string) {
    this.#prefix = `cst-${name}-${process.pid}`;
    this.guestsNetwork = `${this.#prefix}-net`;
    this.worldNetwork = `${this.#prefix}-world`;
    this.helper = this.openHelper();
    this.network = createNftablesNetwork({
      helper: {
        ...this.helper,
        rulesRead: (args) => {
          if (args.terse !== true) this.fullReads++;
          return this.helper.rulesRead(args);
        },
        rulesApply: (args) => {
          if ('table' in args) this.wholePuts++;
          return this.helper.rulesApply(args);
        },
      },
      changes: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    });
  }

  /** The kernel side again, as another helper process would open it. */
  openHelper(): NetworkHelper {
    return createKernelNetwork({
      netns: this.guestsNetwork,
      folder: `${this.folder}/network`,
      userId: dnsmasqUser,
      log: silentLog,
      onChange: (what) => this.#listeners.forEach((listener) => listener(what)),
      takeTap: async (_uid, tap) => {
        const from = this.#plugged.get(tap);
        if (from === undefined || (await this.hasLink(this.guestsNetwork, tap))) return false;
        await run(['ip', '-n', from, 'link', 'set', 'dev', tap, 'netns', this.guestsNetwork]);
        return true;
      },
    });
  }

  /**
   * Asks for a lease as a guest does, with a client of the world; whether it got one. `script`: lines of shell that are run with what the client is
   * told in its environment, once it is bound.
   */
  async askForLease(namespace: string, { device = 'eth0', script = 'true', tries = 5, options = [] as string[] } = {}): Promise<boolean> {
    const path = `${this.folder}/lease-${namespace}-${device}.sh`;
    writeFileSync(path, `#!/bin/sh\n[ "$1" = bound ] || [ "$1" = renew ] || exit 0\n${script}\n`, { mode: 0o755 });
    const client = ['busybox', 'udhcpc', '-i', device, '-n', '-q', '-f', '-t', String(tries), '-T', '1', '-s', path, ...options];
    const { code } = await run(['ip', 'netns', 'exec', namespace, ...client], { okCodes: [0, 1] });
    return code === 0;
  }

  /** The guests' network and the world, joined by the uplink `eth1`. */
  async open(): Promise<void> {
    await run(['chmod', '755', this.folder]);
    await this.addNamespace(this.guestsNetwork);
    await this.addNamespace(this.worldNetwork);
    await this.ip(this.guestsNetwork, `link add eth1 type veth peer name eth0 netns ${this.worldNetwork}`);
    await this.sysctl(this.worldNetwork, {
      'net/ipv4/conf/all/rp_filter': 0,
      'net/ipv6/conf/all/accept_dad': 0,
      'net/ipv6/conf/eth0/accept_dad': 0,
    });
    await this.ip(
      this.worldNetwork,
      'link set eth0 up',
      `address add ${world.wire}/24 dev eth0`,
      `address add ${world.wire6}/64 dev eth0 nodad`,
    );
    await this.ip(
      this.worldNetwork,
      ...[world.far, world.elsewhere].map((address) => `address add ${address}/32 dev lo`),
      `address add ${world.far6}/128 dev lo`,
    );
  }

  /** The world reaches zones without uplink through the host, when that lets it: by an address that the host answers for. */
  async routeWorldVia(address: string, subnet: string): Promise<void> {
    await this.ip(this.worldNetwork, `route replace ${subnet} via ${address} dev eth0 onlink`);
  }

  /**
   * A namespace in the place of a guest, its nic's other end waiting to be connected; addresses set as a seed would. A guest's further nics
   * are `eth1` and so on.
   */
  async plug(nic: NetworkNic, state: NetworkState, options: { addresses?: boolean } = {}): Promise<string> {
    const guest = `${this.#prefix}-${nic.guestName}`;
    const zone = state.zones.find(({ name }) => name === nic.zone);
    const before = [...this.#plugged.values()].filter((other) => other === guest).length;
    const device = `eth${before}`;
    if (before === 0) await this.addNamespace(guest);
    await this.ip(guest, `link add ${nic.tap} type veth peer name ${device}`, `link set ${device} address ${nic.mac}`);
    await this.sysctl(guest, {
      'net/ipv4/icmp_ratelimit': 0,
      'net/ipv6/icmp/ratelimit': 0,
      [`net/ipv6/conf/${device}/accept_dad`]: 0,
      [`net/ipv6/conf/${device}/accept_ra`]: 1,
    });
    await this.ip(guest, `link set ${device} up`);
    this.#plugged.set(nic.tap, guest);
    if (options.addresses === false) return guest;
    for (const address of nic.addresses) {
      const length = familyOf(address) === 6 ? 128 : (zone?.subnets.find((subnet) => familyOf(subnet) === 4)?.split('/')[1] ?? '32');
      await this.ip(guest, `address add ${address}/${length} dev ${device}${familyOf(address) === 6 ? ' nodad' : ''}`);
    }
    for (const gateway of zone?.gateways ?? [])
      await this.ip(guest, `-${familyOf(gateway)} route add default via ${gateway} dev ${device}`);
    return guest;
  }

  async unplug(nic: NetworkNic): Promise<void> {
    const guest = this.#plugged.get(nic.tap);
    if (guest === undefined) return;
    this.#plugged.delete(nic.tap);
    await this.#insides.get(guest)?.end();
    this.#insides.delete(guest);
    await run(['ip', 'netns', 'delete', guest]);
    this.#namespaces.splice(this.#namespaces.indexOf(guest), 1);
  }

  guestOf(nic: NetworkNic): string {
    const guest = this.#plugged.get(nic.tap);
    if (guest === undefined) throw new Error(`${nic.guestName} is not plugged`);
    return guest;
  }

  /** Asks the program inside a namespace. */
  ask<T>(namespace: string, request: Request): Promise<T> {
    let inside = this.#insides.get(namespace);
    if (!inside) this.#insides.set(namespace, (inside = new Inside(namespace)));
    return inside.ask<T>(request);
  }

  async probe(namespace: string, probe: Probe, timeoutMs = 1000): Promise<ProbeResult> {
    const [result] = await this.ask<ProbeResult[]>(namespace, { do: 'probe', probes: [probe], timeoutMs });
    return result as ProbeResult;
  }

  async ip(namespace: string, ...commands: string[]): Promise<void> {
    for (const command of commands) await run(['ip', '-n', namespace, ...command.split(' ')]);
  }

  async nft(namespace: string, command: string): Promise<string> {
    return (await run(['ip', 'netns', 'exec', namespace, 'nft', ...command.split(' ')])).stdout;
  }

  async sysctl(namespace: string, settings: Record<string, number>): Promise<void> {
    await run([
      'ip',
      'netns',
      'exec',
      namespace,
      'sysctl',
      '-q',
      '-w',
      ...Object.entries(settings).map(([key, value]) => `${key}=${value}`),
    ]);
  }

  /** From now on whoever sends by a device fills in checksums himself, as for a card or a guest that cannot. */
  async fillChecksums(namespace: string, device: string): Promise<void> {
    const program = `socket(my $s, 2, 2, 0) or die; my $off = pack('LL', 0x17, 0); ioctl($s, 0x8946, pack('a16 P x8', $ARGV[0], $off)) or die "$!\n"`;
    await run(['ip', 'netns', 'exec', namespace, 'perl', '-e', program, device]);
  }

  async hasLink(namespace: string, name: string): Promise<boolean> {
    return (await run(['ip', '-n', namespace, 'link', 'show', 'dev', name], { okCodes: [0, 1] })).code === 0;
  }

  async addNamespace(name: string): Promise<void> {
    await run(['ip', 'netns', 'add', name]);
    this.#namespaces.push(name);
    await run(['ip', '-n', name, 'link', 'set', 'dev', 'lo', 'up']);
  }

  async close(): Promise<void> {
    await this.network.remove().catch(() => undefined);
    for (const inside of this.#insides.values()) await inside.end();
    for (const name of this.#namespaces.toReversed()) await run(['ip', 'netns', 'delete', name]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

class Inside {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #ids = 0;

  constructor(namespace: string) {
    const program = fileURLToPath(new URL('./inside.ts', import.meta.url));
    this.#child = spawn('nsenter', [`--net=/run/netns/${namespace}`, '--', process.execPath, program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (!this.#child.stdout) throw new Error('no output');
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as { id: number; value?: unknown; error?: string } | null;
      if (!answer) return;
      const waiting = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (answer.error === undefined) waiting?.resolve(answer.value);
      else waiting?.reject(new Error(answer.error));
    });
  }

  ask<T>(request: Request): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const id = this.#ids++;
    this.#waiting.set(id, { resolve, reject });
    this.#child.stdin?.write(`${JSON.stringify({ id, request })}\n`);
    return promise as Promise<T>;
  }

  async end(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#child.exitCode !== null) return;
    this.#child.once('exit', () => resolve());
    this.#child.stdin?.end();
    await promise;
  }
}
