// Reaching out from the host's own network, as an ordinary user: what the daemon, which lives in the guests' network, cannot do itself.
//
// The world is what lies at the other end of an uplink. Only what the host's routes lead to over that wire is tried: an address
// of ours may be another machine's elsewhere, and nothing is sent there.
import { networkInterfaces } from 'node:os';
import { run } from '../lib/exec.ts';
import { parseProbeOutput, type ProbeLine, probeInput, probeScript } from '../lib/probe-script.ts';
import type { HelperArgs, HelperValue } from '../model/helper-protocol.ts';
import type { NetworkNamespace } from './network-namespace.ts';
import type { SystemUser } from './system-user.ts';

const waitSeconds = 3;

/** One end of a cable (veth), as `ip -j -d link` tells it. */
export interface CableEnd {
  ifname: string;
  ifindex: number;
  /** Of its other end, and the namespace that this is in. */
  link_index?: number;
  link_netnsid?: number;
  /** The bridge that it is a port of. */
  master?: string;
}

export async function probeFromWorld(
  { targets, uplinks }: HelperArgs<'worldProbe'>,
  { namespace, user }: { namespace: NetworkNamespace; user: SystemUser },
): Promise<HelperValue<'worldProbe'>> {
  const wires = await findWires(namespace, uplinks);
  const onWire = await ledOver(
    wires,
    targets.map(({ address }) => address),
  );
  const tried = targets.filter(({ address }) => onWire.has(address));
  const lines = await tryAll(tried, user);
  return {
    lines: targets.map((target): HelperValue<'worldProbe'>['lines'][number] => {
      const at = tried.indexOf(target);
      return at === -1 ? { got: 'no-way', source: '', detail: 'no route leads there over an uplink' } : (lines[at] as ProbeLine);
    }),
    addresses: Object.entries(networkInterfaces())
      .filter(([name]) => wires.has(name))
      .flatMap(([, addresses]) => addresses ?? [])
      .filter(({ internal, scopeid }) => !internal && !scopeid)
      .map(({ address }) => address),
  };
}

/** The host's ends of cables whose other ends are uplinks in the namespace `guestsId`, and the bridges that these are ports of. Pure. */
export function wireNames(uplinks: readonly CableEnd[], host: readonly CableEnd[], guestsId: number): Set<string> {
  const ends = host.filter(
    ({ link_index: other, link_netnsid: where }) => where === guestsId && uplinks.some(({ ifindex }) => ifindex === other),
  );
  return new Set(ends.flatMap(({ ifname, master }) => (master === undefined ? [ifname] : [ifname, master])));
}

async function findWires(namespace: NetworkNamespace, uplinks: readonly string[]): Promise<Set<string>> {
  if (namespace.name === undefined || uplinks.length === 0) return new Set();
  const veths = ['ip', '-j', '-d', 'link', 'show', 'type', 'veth'];
  const [inside, host, ids] = await Promise.all([
    readJson<CableEnd>([...namespace.enter(), ...veths]),
    readJson<CableEnd>(veths),
    readJson<{ nsid: number; name?: string }>(['ip', '-j', 'netns', 'list-id']),
  ]);
  const guests = ids.find(({ name }) => name === namespace.name);
  if (!guests) return new Set();
  return wireNames(
    inside.filter(({ ifname }) => uplinks.includes(ifname)),
    host,
    guests.nsid,
  );
}

async function readJson<T>([program = 'ip', ...args]: readonly string[], okCodes: readonly number[] = [0]): Promise<T[]> {
  const { stdout } = await run([program, ...args], { okCodes });
  return JSON.parse(stdout.trim() || '[]') as T[];
}

/** Those of the addresses whose packets the host sends over one of the wires. */
async function ledOver(wires: ReadonlySet<string>, addresses: readonly string[]): Promise<Set<string>> {
  if (wires.size === 0) return new Set();
  const asked = [...new Set(addresses)];
  const found = await Promise.all(
    asked.map(async (address) => {
      // Exit 2: nothing leads there at all.
      const [route] = await readJson<{ dev?: string }>(['ip', '-j', 'route', 'get', address], [0, 2]);
      return route?.dev !== undefined && wires.has(route.dev) ? [address] : [];
    }),
  );
  return new Set(found.flat());
}

async function tryAll(targets: HelperArgs<'worldProbe'>['targets'], user: SystemUser): Promise<ProbeLine[]> {
  if (targets.length === 0) return [];
  const { stdout } = await run(['perl', '-e', probeScript, String(waitSeconds)], {
    input: probeInput(targets),
    uid: user.userId,
    gid: user.groupId,
    timeoutMs: 60_000,
  });
  return parseProbeOutput(stdout, targets.length);
}
