// Whom the ends of flows stand for in a site, as far as it is known: guests by name, and what lies beyond the uplinks. An address that a
// guest gets from its zone's pool is known to nobody here, so a range within a zone has guests that it perhaps stands for.
import { addressToBigInt, cidrBounds, type Cidr, familyOf, parseCidr } from './address.ts';
import { parseFlowEnd } from './flow.ts';
import { isName } from './name.ts';
import { addressesOfGuest, entries, type GuestSketch, isWhole, type SiteSketch, zonesOfGuest } from './site-sketch.ts';

export interface EndMeaning {
  guests: ReadonlySet<string>;
  /** Of which nobody knows yet. */
  perhaps: ReadonlySet<string>;
  /** What of the world it stands for. */
  outside?: 'world' | Cidr;
  isHost?: true;
}

const nobody: ReadonlySet<string> = new Set();

interface ZoneRange {
  zone: string;
  cidr: Cidr;
  first: bigint;
  last: bigint;
}

interface KnownGuest {
  name: string;
  zones: readonly string[];
  addresses: { family: 4 | 6; value: bigint }[];
}

export class FlowEnds {
  readonly #site: SiteSketch;
  readonly #known = new Map<string, EndMeaning | undefined>();
  /** Undefined where a part of the site is not known. */
  readonly #guests: readonly KnownGuest[] | undefined;
  readonly #labels: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  readonly #ranges: readonly ZoneRange[] | undefined;
  readonly #zonesOf: ReadonlyMap<string, readonly string[]>;
  readonly #fixed: boolean;
  /** Undefined where that is not known. */
  readonly hasUplink: boolean | undefined;

  constructor(site: SiteSketch) {
    this.#site = site;
    const guests = Object.entries(site.guests ?? {});
    const zones = site.zones ? Object.values(site.zones) : [null];
    this.#guests =
      site.guests && guests.every(([, guest]) => guest && zonesOfGuest(guest)) ? entries(site.guests).map(knownGuest) : undefined;
    this.#zonesOf = new Map((this.#guests ?? []).map(({ name, zones: own }) => [name, own]));
    this.#fixed = guests.every(([, guest]) => guest && addressesOfGuest(guest));
    this.#labels = site.guests ? guestsByLabel(guests) : undefined;
    this.#ranges = site.zones && zones.every((zone) => isWhole(zone?.subnets)) ? rangesOf(site) : undefined;
    this.hasUplink = zones.some((zone) => zone?.uplink) ? true : zones.every((zone) => zone && zone.uplink !== null) ? false : undefined;
  }

  /** All labels that guests have, `key=value`; undefined where one is not known. */
  get labels(): Iterable<string> | undefined {
    return this.#labels?.keys();
  }

  /** Undefined when they are not known. */
  zonesOf(guest: string): readonly string[] | undefined {
    return this.#zonesOf.get(guest);
  }

  /** Undefined when it is not known, or names something that does not exist. */
  meaningOf(text: string): EndMeaning | undefined {
    if (!this.#known.has(text)) this.#known.set(text, this.#meaning(text));
    return this.#known.get(text);
  }

  #meaning(text: string): EndMeaning | undefined {
    const end = parseFlowEnd(text);
    const all = this.#guests;
    const only = (names: Iterable<string>): EndMeaning => ({ guests: new Set(names), perhaps: nobody });
    switch (end?.kind) {
      case 'world':
        return { guests: nobody, perhaps: nobody, outside: 'world' };
      case 'host':
        return { guests: nobody, perhaps: nobody, isHost: true };
      case 'guest':
        return this.#site.guests && Object.hasOwn(this.#site.guests, end.name) ? only([end.name]) : undefined;
      case 'all':
        return all && only(all.map(({ name }) => name));
      case 'zone':
        return all && only(all.filter(({ zones }) => zones.includes(end.name)).map(({ name }) => name));
      case 'label':
        return this.#labels && only(this.#labels.get(`${end.key}=${end.value}`) ?? []);
      case 'range':
        return this.#inRange(parseCidr(end.cidr) as Cidr);
      case undefined:
        return undefined;
    }
  }

  #inRange(cidr: Cidr): EndMeaning | undefined {
    if (!this.#ranges || !this.#guests || !this.#fixed) return undefined;
    const { first, last } = cidrBounds(cidr);
    const touched = this.#ranges.filter((range) => range.cidr.family === cidr.family && range.first <= last && first <= range.last);
    const isWithin = touched.some((range) => range.first <= first && last <= range.last);
    const guests = new Set<string>();
    const perhaps = new Set<string>();
    for (const { name, zones, addresses } of touched.length > 0 ? this.#guests : []) {
      if (!touched.some(({ zone }) => zones.includes(zone))) continue;
      const own = addresses.filter(({ family }) => family === cidr.family);
      if (own.some(({ value }) => first <= value && value <= last)) guests.add(name);
      else if (own.length === 0) perhaps.add(name);
    }
    return { guests, perhaps, ...(isWithin ? {} : { outside: cidr }) };
  }
}

/** Whether `outer` stands for all that `inner` may stand for. */
export function endContains(outer: EndMeaning, inner: EndMeaning): boolean {
  const covers = (name: string) => outer.guests.has(name);
  if (inner.isHost) return outer.isHost === true;
  if (![...inner.guests].every(covers) || ![...inner.perhaps].every(covers)) return false;
  if (inner.outside === undefined || outer.outside === 'world') return true;
  if (inner.outside === 'world' || outer.outside === undefined || outer.outside.family !== inner.outside.family) return false;
  const [within, around] = [cidrBounds(inner.outside), cidrBounds(outer.outside)];
  return around.first <= within.first && within.last <= around.last;
}

function knownGuest([name, guest]: [string, GuestSketch]): KnownGuest {
  const addresses = (addressesOfGuest(guest) ?? []).map((address) => ({ family: familyOf(address), value: addressToBigInt(address) }));
  return { name, zones: zonesOfGuest(guest) ?? [], addresses };
}

function guestsByLabel(guests: [string, GuestSketch | null][]): Map<string, Set<string>> | undefined {
  const byLabel = new Map<string, Set<string>>();
  for (const [name, guest] of guests) {
    const labels = Object.entries(guest?.labels ?? { '': null });
    if (!labels.every(([key, value]) => isName(key) && value !== null)) return undefined;
    for (const [key, value] of labels) {
      const label = `${key}=${value}`;
      byLabel.set(label, (byLabel.get(label) ?? new Set()).add(name));
    }
  }
  return byLabel;
}

function rangesOf(site: SiteSketch): ZoneRange[] {
  return entries(site.zones).flatMap(([zone, { subnets }]) =>
    (subnets ?? []).flatMap((text) => {
      const cidr = text === null ? undefined : parseCidr(text);
      return cidr ? [{ zone, cidr, ...cidrBounds(cidr) }] : [];
    }),
  );
}
