// The ends of flows as address ranges: what an end means depends on the way that a packet goes.
import type { NetworkEnd, NetworkZone } from '../../model/network-state.ts';
import { type AddressRange, type AddressRanges, anyAddress, rangeContains, rangesOverlap } from './address-range.ts';

export class EndRanges {
  readonly #ranges: AddressRanges;
  readonly #subnets: AddressRange[];

  constructor(ranges: AddressRanges, zones: readonly NetworkZone[]) {
    this.#ranges = ranges;
    this.#subnets = zones.flatMap((zone) => zone.subnets.map((subnet) => ranges.ofCidr(subnet)));
  }

  /** The addresses of an end that guests can have. */
  onTap(end: NetworkEnd): readonly AddressRange[] {
    if (end.kind !== 'addresses') return [];
    return end.cidrs
      .map((cidr) => this.#ranges.ofCidr(cidr))
      .filter((range) => this.#subnets.some((subnet) => rangesOverlap(subnet, range)));
  }

  /** The addresses of an end that others can have: a range within a zone means its guests, never who else uses such addresses. */
  beyondUplink(end: NetworkEnd): readonly AddressRange[] {
    if (end.kind === 'world') return anyAddress;
    if (end.kind === 'host') return [];
    return end.cidrs
      .map((cidr) => this.#ranges.ofCidr(cidr))
      .filter((range) => !this.#subnets.some((subnet) => rangeContains(subnet, range)));
  }
}
