// What the filtering check tries: for every place that something can be tried from, the addresses and ports that it tries. Every declared
// port and those that flows name are tried where they belong; of all others as many as there is time for. Pure.
import { addressToBigInt, cidrBounds, familyOf, parseCidr } from '../model/address.ts';
import type { NetworkEnd, NetworkNic, NetworkState } from '../model/network-state.ts';
import { parsePortRange } from '../model/service.ts';

/** Tried everywhere: what people forget, and one that nobody uses. */
const usualPorts = ['tcp/22', 'tcp/80', 'tcp/443', 'tcp/3306', 'udp/53', 'tcp/47808'];

/** From one place, beyond the declared ports. */
const attemptsFromOne = 2000;

/** A guest or a probe. */
export interface CheckEnd {
  /** A guest's name, or `zone:NAME`. */
  name: string;
  nics: readonly NetworkNic[];
  /** `tcp/80`, `udp/5000-5100`. */
  ports: readonly string[];
}

export interface CheckTarget {
  to: string;
  address: string;
  protocol: 'tcp' | 'udp';
  port: number;
}

export interface CheckInput {
  state: NetworkState;
  ends: readonly CheckEnd[];
  /** The host's own addresses in the world; none where there is no way to try from there. */
  world: readonly string[];
  /** The host's own in the guests' network: of a published one only what is published for all is tried, the rest is the host's. */
  own: readonly string[];
  extraPorts: readonly string[];
}

interface Port {
  protocol: 'tcp' | 'udp';
  port: number;
}

interface Destination {
  to: string;
  address: string;
  /** Of its own; the others are tried as there is time. */
  ports: Port[];
  /** Nothing else is tried there. */
  isWhole?: true;
}

/** For the name of an end, or `world`: what is tried from there. */
export function planTargets(input: CheckInput): (source: string) => CheckTarget[] {
  const { state, ends, world, own } = input;
  const extra = portsOf(input.extraPorts);
  const flows = state.flows.map((flow) => ({ leadsTo: reader(flow.to), ports: portsOfFlow(flow) }));
  const destinations = ends.flatMap(({ name, nics, ports }) =>
    nics
      .flatMap((nic) => oneOfEachFamily(nic.addresses))
      .map((address): Destination => {
        const named = flows.filter(({ leadsTo }) => leadsTo(address)).flatMap((flow) => flow.ports);
        return { to: name, address, ports: unique([...portsOf(ports), ...extra, ...named]) };
      }),
  );
  const all = unique([
    ...portsOf([...usualPorts, ...ends.flatMap(({ ports }) => ports)]),
    ...extra,
    ...flows.slice(0, 100).flatMap(({ ports }) => ports),
  ]);
  const special = (kind: 'host' | 'world') => unique([...state.flows.filter(({ to }) => to.kind === kind).flatMap(portsOfFlow), ...extra]);
  const [toHost, toWorld] = [special('host'), special('world')];

  return (source) => {
    const others = destinations.filter(({ to }) => to !== source);
    if (source === 'world') return withSample(source, [...others, ...publishedTo(state, ends, own)], all);
    const zones = new Set(ends.find(({ name }) => name === source)?.nics.map((nic) => nic.zone));
    const host = state.zones.filter(({ name }) => zones.has(name)).flatMap(({ hostAddresses }) => hostAddresses);
    return withSample(
      source,
      [
        ...others,
        ...host.map((address) => ({ to: 'host', address, ports: toHost })),
        ...world.map((address) => ({ to: 'world', address, ports: toWorld })),
      ],
      all,
    );
  };
}

/** Each source tries others of the rest, so that together they try much. */
function withSample(source: string, destinations: readonly Destination[], all: readonly Port[]): CheckTarget[] {
  const own = destinations.reduce((sum, { ports }) => sum + ports.length, 0);
  const size = Math.min(all.length, Math.max(2, Math.floor((attemptsFromOne - own) / Math.max(1, destinations.length))));
  const shift = Buffer.from(source).reduce((sum, byte) => sum + byte, 0);
  return destinations.flatMap(({ to, address, ports, isWhole = false }, index) => {
    const sample = Array.from({ length: isWhole ? 0 : size }, (_, at) => all[(shift + index + at) % all.length] as Port);
    return unique([...ports, ...sample]).map((port) => ({ to, address, ...port }));
  });
}

/** The addresses by which the world comes to publications. */
function publishedTo({ publications }: NetworkState, ends: readonly CheckEnd[], own: readonly string[]): Destination[] {
  const byAddress = Map.groupBy(publications, ({ listen }) => listen);
  return [...byAddress].flatMap(([address, all]) => {
    const isOwn = own.includes(address);
    const mine = isOwn ? all.filter(({ from }) => from.length === 0) : all;
    const byGuest = Map.groupBy(mine, ({ to }) => ends.find(({ nics }) => nics.some((nic) => nic.addresses.includes(to.address)))?.name);
    return [...byGuest].flatMap(([to, theirs], index): Destination[] =>
      to === undefined
        ? []
        : [
            {
              to,
              address,
              ports: theirs.flatMap(({ protocol, ports }) => bothEnds(protocol, ports)),
              // What is nobody's there is tried once.
              ...(isOwn || index > 0 ? { isWhole: true } : {}),
            },
          ],
    );
  });
}

function oneOfEachFamily(addresses: readonly string[]): string[] {
  return ([4, 6] as const).flatMap((family) => addresses.find((address) => familyOf(address) === family) ?? []);
}

function reader(end: NetworkEnd): (address: string) => boolean {
  if (end.kind !== 'addresses') return () => false;
  const ranges = end.cidrs.flatMap((text) => {
    const cidr = parseCidr(text);
    return cidr ? [{ family: cidr.family, ...cidrBounds(cidr) }] : [];
  });
  return (address) => {
    const [family, value] = [familyOf(address), addressToBigInt(address)];
    return ranges.some((range) => range.family === family && range.first <= value && value <= range.last);
  };
}

/** Of a range both ends are tried. */
function portsOfFlow({ services }: NetworkState['flows'][number]): Port[] {
  return services.flatMap((service) =>
    service.protocol === 'tcp' || service.protocol === 'udp' ? bothEnds(service.protocol, service.ports) : [],
  );
}

function portsOf(texts: readonly string[]): Port[] {
  return texts.flatMap((text) => {
    const range = parsePortRange(text);
    return range?.ports && (range.protocol === 'tcp' || range.protocol === 'udp') ? bothEnds(range.protocol, range.ports) : [];
  });
}

function bothEnds(protocol: 'tcp' | 'udp', { from, to }: { from: number; to: number }): Port[] {
  return [...new Set([Math.max(1, from), to])].map((port) => ({ protocol, port }));
}

function unique(ports: readonly Port[]): Port[] {
  return [...new Map(ports.map((port) => [`${port.protocol}/${port.port}`, port])).values()];
}
