// The ends of flows as address ranges: what an end means depends on the way that a packet goes.
import type { NetworkEnd, NetworkZone } from '../../model/network-state.ts';
import { type AddressRange, type AddressRanges, anyAddress, rangeContains, rangesOverlap } from './address-range.ts';

export class EndRanges {
  readonly #ranges: AddressRanges;
  readonly #subnets: AddressRange[];
  /** By text: most ends are one address, named again and again. */
  readonly #places = new Map<string, { range: AddressRange; isOnTap: boolean; isBeyond: boolean }>();

  /** What the answers depend on beside the end itself. */
  readonly subnets: string;

  constructor(ranges: AddressRanges, zones: readonly NetworkZone[]) {
    this.#ranges = ranges;
    this.subnets = zones.flatMap((zone) => zone.subnets).join(' ');
    this.#subnets = zones.flatMap((zone) => zone.subnets.map((subnet) => ranges.ofCidr(subnet)));
  }

  /** The addresses of an end that guests can have. */
  onTap(end: NetworkEnd): readonly AddressRange[] {
    if (end.kind !== 'addresses') return [];
    return end.cidrs.flatMap((cidr) => {
      const { range, isOnTap } = this.#placeOf(cidr);
      return isOnTap ? [range] : [];
    });
  }

  /** The addresses of an end that others can have: a range within a zone means its guests, never who else uses such addresses. */
  beyondUplink(end: NetworkEnd): readonly AddressRange[] {
    if (end.kind === 'world') return anyAddress;
    if (end.kind === 'host') return [];
    return end.cidrs.flatMap((cidr) => {
      const { range, isBeyond } = this.#placeOf(cidr);
      return isBeyond ? [range] : [];
    });
  }

  #placeOf(cidr: string): { range: AddressRange; isOnTap: boolean; isBeyond: boolean } {
    const known = this.#places.get(cidr);
    if (known) return known;
    const range = this.#ranges.ofCidr(cidr);
    const place = {
      range,
      isOnTap: this.#subnets.some((subnet) => rangesOverlap(subnet, range)),
      isBeyond: !this.#subnets.some((subnet) => rangeContains(subnet, range)),
    };
    this.#places.set(cidr, place);
    return place;
  }
}
