// Addresses that no rule in force and nothing in the site tells apart, by one of them. The axis of each family is cut wherever something in
// the kernel's sets and rules, or in the site, begins or ends.
import { addressFromBigInt, addressToBigInt, canonicalAddress, cidrBounds, parseCidr } from '../../model/address.ts';
import type { NetworkState } from '../../model/network-state.ts';
import { notTheWorld } from '../reachability.ts';
import type { Json, Ruleset } from './ruleset.ts';

export interface AddressClass {
  /** One of them. */
  address: string;
  /** There are others. */
  isMany: boolean;
}

interface Interval {
  /** What begins and ends there: two of the same tell nothing apart. */
  id: number;
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

/** Pure. */
export function classifyAddresses(ruleset: Ruleset, state: NetworkState): AddressClass[] {
  const intervals = new Intervals();
  for (const [key, { elements }] of ruleset.sets) for (const element of elements) intervals.addJson(key, element);
  for (const [key, { rules }] of ruleset.chains) for (const { place, expr } of rules) intervals.addJson(`${key} ${place}`, expr);
  intervals.addState(state);
  return ([4, 6] as const).flatMap((family) =>
    classify(
      family,
      [...intervals.all.values()].filter((interval) => interval.family === family),
    ),
  );
}

class Intervals {
  readonly all = new Map<string, Interval>();

  /** Whatever looks like an address or a range of them, wherever it stands. */
  addJson(where: string, json: Json): void {
    if (typeof json === 'string') this.#addText(where, json, json);
    if (typeof json !== 'object' || json === null) return;
    if (Array.isArray(json)) return json.forEach((each, place) => this.addJson(`${where} ${json.length > 8 ? '' : place}`, each));
    const { prefix, range } = json;
    if (typeof prefix === 'object' && prefix !== null && !Array.isArray(prefix)) {
      const cidr = parseCidr(`${String(prefix['addr'])}/${String(prefix['len'])}`);
      if (cidr) this.#add(where, cidr.family, cidrBounds(cidr));
    } else if (Array.isArray(range)) this.#addText(where, range[0] ?? null, range[1] ?? null);
    else for (const [key, value] of Object.entries(json)) this.addJson(`${where} ${key}`, value);
  }

  addState({ zones, nics, flows, publications }: NetworkState): void {
    const cidrs = [
      ...notTheWorld.map((subnet) => ({ where: 'not the world', subnet })),
      ...zones.flatMap(({ name, subnets }) => subnets.map((subnet) => ({ where: `zone ${name}`, subnet }))),
      ...flows.flatMap(({ from, to }, index) =>
        [from, to].flatMap((end) => (end.kind === 'addresses' ? end.cidrs.map((subnet) => ({ where: `flow ${index}`, subnet })) : [])),
      ),
      ...publications.flatMap(({ from }, index) => from.map((subnet) => ({ where: `publication ${index}`, subnet }))),
    ];
    for (const { where, subnet } of cidrs) {
      const cidr = parseCidr(subnet);
      if (cidr) this.#add(where, cidr.family, cidrBounds(cidr));
    }
    const alone = [
      ...nics.flatMap(({ addresses }) => addresses),
      ...zones.flatMap(({ gateways, hostAddresses }) => [...gateways, ...hostAddresses]),
      ...publications.map(({ listen }) => listen),
    ];
    for (const address of alone) this.#addText('state', address, address);
  }

  #addText(where: string, from: Json, to: Json): void {
    if (typeof from !== 'string' || typeof to !== 'string' || !/[.:]/.test(from)) return;
    const [first, last] = [canonicalAddress(from), canonicalAddress(to)];
    if (first === undefined || last === undefined) return;
    this.#add(where, first.includes(':') ? 6 : 4, { first: addressToBigInt(first), last: addressToBigInt(last) });
  }

  #add(where: string, family: 4 | 6, { first, last }: { first: bigint; last: bigint }): void {
    const key = `${first === last ? '' : where} ${family} ${first} ${last}`;
    if (!this.all.has(key)) this.all.set(key, { id: this.all.size, family, first, last });
  }
}

/** Pieces between all the cuts, those within the same intervals as one. */
function classify(family: 4 | 6, intervals: readonly Interval[]): AddressClass[] {
  const end = 1n << (family === 4 ? 32n : 128n);
  const events = intervals
    .flatMap(({ id, first, last }) => [
      { at: first, id, opens: true },
      { at: last + 1n, id, opens: false },
    ])
    .toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  const classes = new Map<string, { first: bigint; size: bigint }>();
  const open = new Set<number>();
  let begin = 0n;
  const close = (until: bigint) => {
    if (until > begin) {
      const key = [...open].toSorted((a, b) => a - b).join(' ');
      const known = classes.get(key);
      if (!known || known.size < until - begin) classes.set(key, { first: begin, size: until - begin });
    }
    begin = until;
  };
  for (const { at, id, opens } of events) {
    close(at);
    if (opens) open.add(id);
    else open.delete(id);
  }
  close(end);
  return [...classes.values()].map(({ first, size }) => ({ address: addressFromBigInt(family, first + size / 2n), isMany: size > 1n }));
}
