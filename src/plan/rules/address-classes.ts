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
  id: number;
  family: 4 | 6;
  first: bigint;
  last: bigint;
}

/** Pure. */
export function classifyAddresses(ruleset: Ruleset, state: NetworkState): AddressClass[] {
  const intervals = new Intervals();
  for (const { elements } of ruleset.sets.values()) intervals.addJson(elements);
  for (const { rules } of ruleset.chains.values()) for (const { expr } of rules) intervals.addJson(expr);
  intervals.addState(state);
  return ([4, 6] as const).flatMap((family) =>
    classify(
      family,
      [...intervals.all.values()].filter((interval) => interval.family === family),
    ),
  );
}

/** The same interval twice tells nothing more apart. */
class Intervals {
  readonly all = new Map<string, Interval>();

  /** Whatever looks like an address or a range of them, wherever it stands. */
  addJson(json: Json): void {
    if (typeof json === 'string') return this.#addText(json, json);
    if (typeof json !== 'object' || json === null) return;
    if (Array.isArray(json)) return json.forEach((each) => this.addJson(each));
    const { prefix, range } = json;
    if (typeof prefix === 'object' && prefix !== null && !Array.isArray(prefix)) {
      this.#addRange(`${String(prefix['addr'])}/${String(prefix['len'])}`);
    } else if (Array.isArray(range)) this.#addText(range[0] ?? null, range[1] ?? null);
    else for (const value of Object.values(json)) this.addJson(value);
  }

  addState({ zones, nics, flows, publications }: NetworkState): void {
    const ends = flows.flatMap(({ from, to }) => [from, to]);
    const ranges = [
      ...notTheWorld,
      ...zones.flatMap(({ subnets }) => subnets),
      ...ends.flatMap((end) => (end.kind === 'addresses' ? end.cidrs : [])),
      ...publications.flatMap(({ from }) => from),
    ];
    for (const range of new Set(ranges)) this.#addRange(range);
    const alone = [
      ...nics.flatMap(({ addresses }) => addresses),
      ...zones.flatMap(({ gateways, hostAddresses }) => [...gateways, ...hostAddresses]),
      ...publications.map(({ listen }) => listen),
    ];
    for (const address of alone) this.#addText(address, address);
  }

  #addRange(text: string): void {
    const cidr = parseCidr(text);
    if (cidr) this.#add(cidr.family, cidrBounds(cidr));
  }

  #addText(from: Json, to: Json): void {
    if (typeof from !== 'string' || typeof to !== 'string' || !/[.:]/.test(from)) return;
    const [first, last] = [canonicalAddress(from), canonicalAddress(to)];
    if (first === undefined || last === undefined) return;
    this.#add(first.includes(':') ? 6 : 4, { first: addressToBigInt(first), last: addressToBigInt(last) });
  }

  #add(family: 4 | 6, { first, last }: { first: bigint; last: bigint }): void {
    const key = `${family} ${first} ${last}`;
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
