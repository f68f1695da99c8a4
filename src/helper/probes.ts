// Probes: network namespaces of their own that are plugged into the guests' network as a guest would be, to try from there what the
// filter lets through. A probe is held by one process that waits for the end of its standard input: when this helper ends, however it
// ends, the process does, and with it the namespace and both ends of its cable. Rules, routes and proxies are the network's business.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';
import { parseProbeOutput, probeInput, probeScript } from '../lib/probe-script.ts';
import type { HelperArgs, HelperValue } from '../model/helper-protocol.ts';
import type { NetworkNamespace } from './network-namespace.ts';

const mostProbes = 64;
const waitSeconds = 3;
/** How long a machine on an uplink's wire has to say that an address is its own. */
const claimMs = 500;

/** Without a user, a capability or a way to get one: what the holder and the tries run as. */
const asNobody = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'];

/** One datagram to nowhere in particular: the kernel then asks on the wire who has the address. */
const knock = `use Socket qw(:all); my $a = shift; my $six = $a =~ /:/; socket(my $s, $six ? AF_INET6 : AF_INET, SOCK_DGRAM, 0) or die;
send($s, '', 0, $six ? pack_sockaddr_in6(9, inet_pton(AF_INET6, $a)) : pack_sockaddr_in(9, inet_pton(AF_INET, $a)));`;

interface Probe {
  holder: ChildProcess;
  /** Which network it holds. A process id may stand for another process one day: what is tried from elsewhere would be worse than nothing. */
  network: string;
  /** Absent until it is ours: the name may be somebody else's. */
  tap?: string;
}

export class Probes {
  readonly #namespace: NetworkNamespace;
  /** On each cable, so that those of another data directory are left alone. */
  readonly #mark: string;
  readonly #open = new Map<string, Probe>();

  constructor(namespace: NetworkNamespace, hostMark: string) {
    this.#namespace = namespace;
    this.#mark = `caisson probe ${hostMark}`;
  }

  /** `conflict` when an address is somebody's on the uplink's wire; nothing is left then. */
  async open(args: HelperArgs<'probeOpen'>): Promise<void> {
    const { uid, tap } = args;
    if (this.#open.has(uid)) throw new CaissonError('conflict', `a probe ${uid} is open already`);
    if (this.#open.size >= mostProbes) throw new CaissonError('no-capacity', `${mostProbes} probes are open already`);
    const [first = 'env', ...rest] = this.#namespace.enter();
    const inGuestsNetwork = (...argv: string[]) => run([first, ...rest, ...argv]);
    const { uplink } = args;
    if (uplink !== undefined) await Promise.all(args.addresses.map((address) => this.#refuseTaken(address, uplink)));
    const probe = await this.#hold();
    const { holder } = probe;
    this.#open.set(uid, probe);
    try {
      const peer = ['peer', 'name', 'eth0', 'address', args.mac, 'mtu', String(args.mtu), 'netns', String(holder.pid)];
      await inGuestsNetwork('ip', 'link', 'add', tap, 'mtu', String(args.mtu), 'type', 'veth', ...peer);
      probe.tap = tap;
      await inGuestsNetwork('ip', 'link', 'set', 'dev', tap, 'alias', this.#mark);
      await this.#address(holder, args);
    } catch (error) {
      await this.close(uid);
      throw error;
    }
  }

  async run({ uid, targets }: HelperArgs<'probeRun'>): Promise<HelperValue<'probeRun'>> {
    const probe = this.#open.get(uid);
    if (!probe || hasEnded(probe.holder)) throw new CaissonError('not-found', `no probe ${uid} is open`);
    if (networkOf(probe.holder) !== probe.network) throw new CaissonError('failed', `probe ${uid} has lost its network`);
    const argv = [...asNobody, '--no-new-privs', '--', 'perl', '-e', probeScript, String(waitSeconds)];
    const { stdout } = await run([...enter(probe.holder), ...argv], { input: probeInput(targets), timeoutMs: 60_000 });
    return { lines: parseProbeOutput(stdout, targets.length) };
  }

  /** Well when it is closed already. */
  async close(uid: string): Promise<void> {
    const probe = this.#open.get(uid);
    if (!probe) return;
    this.#open.delete(uid);
    const { holder, tap } = probe;
    // The kernel takes a namespace apart some time after its last process: the cable goes now.
    if (tap !== undefined) await this.#unplug(tap);
    if (hasEnded(holder)) return;
    const ended = once(holder, 'exit');
    holder.stdin?.end();
    await ended;
  }

  async closeAll(): Promise<void> {
    for (const uid of this.#open.keys()) await this.close(uid);
  }

  /** Takes away cables that an earlier helper has left. */
  async sweep(): Promise<void> {
    const [first = 'env', ...rest] = this.#namespace.enter();
    const { stdout } = await run([first, ...rest, 'ip', '-j', '-d', 'link', 'show', 'type', 'veth']);
    const links = JSON.parse(stdout || '[]') as { ifname?: string; ifalias?: string }[];
    for (const { ifname, ifalias } of links) if (ifname !== undefined && ifalias === this.#mark) await this.#unplug(ifname);
  }

  /** A process in a new network namespace, without any right there. */
  async #hold(): Promise<Probe> {
    const holder = spawn('unshare', ['--net', '--', ...asNobody, '--no-new-privs', '--', 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
    holder.stdin.on('error', () => undefined);
    const failed = new Promise<never>((_, reject) => {
      holder.once('error', (cause) => reject(new CaissonError('failed', 'no network namespace could be made for a probe', { cause })));
      holder.once('exit', (code) => reject(new CaissonError('failed', `no network namespace could be made for a probe (exit ${code})`)));
    });
    failed.catch(() => undefined);
    // It says what it hears as soon as it has come where it should be.
    holder.stdin.write('\n');
    await Promise.race([once(holder.stdout, 'data'), failed]);
    return { holder, network: networkOf(holder) };
  }

  async #address(holder: ChildProcess, { addresses, routers }: HelperArgs<'probeOpen'>): Promise<void> {
    const settings = ['net.ipv4.icmp_ratelimit=0'];
    if (existsSync('/proc/sys/net/ipv6'))
      settings.push('net.ipv6.icmp.ratelimit=0', 'net.ipv6.conf.eth0.accept_dad=0', 'net.ipv6.conf.eth0.accept_ra=0');
    await run([...enter(holder), 'sysctl', '-q', '-w', ...settings]);
    const lines = [
      'link set dev lo up',
      'link set dev eth0 up',
      ...addresses.map((address) => `address add ${address} dev eth0${address.includes(':') ? ' nodad' : ''}`),
      ...routers.map((router) => `route add default via ${router} dev eth0 onlink`),
    ];
    await run([...enter(holder), 'ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }

  async #refuseTaken(withLength: string, uplink: string): Promise<void> {
    const [first = 'env', ...rest] = this.#namespace.enter();
    const [address = ''] = withLength.split('/');
    await run([first, ...rest, ...asNobody, '--no-new-privs', '--', 'perl', '-e', knock, address]);
    const end = performance.now() + claimMs;
    do {
      const { stdout } = await run([first, ...rest, 'ip', '-j', 'neigh', 'show', 'to', address, 'dev', uplink]);
      const neighbours = JSON.parse(stdout || '[]') as { lladdr?: string }[];
      if (neighbours.some(({ lladdr }) => lladdr !== undefined))
        throw new CaissonError('conflict', `${address} is the address of a machine beyond ${uplink}: a probe cannot have it`);
      await sleep(100);
    } while (performance.now() < end);
  }

  async #unplug(tap: string): Promise<void> {
    const [first = 'env', ...rest] = this.#namespace.enter();
    await run([first, ...rest, 'ip', 'link', 'delete', 'dev', tap], { okCodes: [0, 1] });
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function networkOf({ pid }: ChildProcess): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch (cause) {
    throw new CaissonError('failed', 'the network of a probe is gone', { cause });
  }
}

function enter(holder: ChildProcess): [string, ...string[]] {
  return ['nsenter', `--net=/proc/${holder.pid}/ns/net`, '--'];
}
