// Address ranges with their bounds as numbers, each text parsed once: a site of 10,000 flows names the same few thousand again and again.
import { type Cidr, type Family, addressFromBigInt, cidrBounds, familyOf } from '../../model/address.ts';
import { checkAddress, checkCidr } from './safe-text.ts';

export interface AddressRange {
  family: Family;
  first: bigint;
  last: bigint;
  /** As nft reads it: an address, `10.0.0.0/8`, or `first-last`. */
  text: string;
}

export const anyAddress: readonly AddressRange[] = [
  { family: 4, first: 0n, last: (1n << 32n) - 1n, text: '0.0.0.0-255.255.255.255' },
  { family: 6, first: 0n, last: (1n << 128n) - 1n, text: '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' },
];

export class AddressRanges {
  #known = new Map<string, AddressRange>();

  /** A range in canonical spelling; throws `invalid`. */
  ofCidr(text: string): AddressRange {
    return this.#once(text, () => toRange(checkCidr(text)));
  }

  /** An address in canonical spelling; throws `invalid`. */
  ofAddress(text: string): AddressRange {
    return this.#once(text, () => {
      const family = familyOf(checkAddress(text));
      return toRange({ family, base: text, prefixLength: family === 4 ? 32 : 128 });
    });
  }

  /** The last address of a range alone: of an IPv4 subnet where everybody in it is spoken to. */
  lastOf({ family, last }: AddressRange): AddressRange {
    return this.ofAddress(addressFromBigInt(family, last));
  }

  #once(text: string, make: () => AddressRange): AddressRange {
    let range = this.#known.get(text);
    if (!range) this.#known.set(text, (range = make()));
    return range;
  }
}

export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

export function rangeContains(outer: AddressRange, inner: AddressRange): boolean {
  return outer.family === inner.family && outer.first <= inner.first && outer.last >= inner.last;
}

/** The texts of the ranges of one family as few disjoint ones, ascending: an interval set refuses overlaps. */
export function mergeRanges(family: Family, ranges: readonly AddressRange[]): string[] {
  const merged: { first: bigint; last: bigint }[] = [];
  const ascending = ranges
    .filter((range) => range.family === family)
    .toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  for (const { first, last } of ascending) {
    const before = merged.at(-1);
    if (before && first <= before.last + 1n) before.last = last > before.last ? last : before.last;
    else merged.push({ first, last });
  }
  const text = (value: bigint) => addressFromBigInt(family, value);
  return merged.map(({ first, last }) => (first === last ? text(first) : `${text(first)}-${text(last)}`));
}

function toRange(cidr: Cidr): AddressRange {
  const { first, last } = cidrBounds(cidr);
  const any = anyAddress.find(({ family }) => family === cidr.family);
  if (cidr.prefixLength === 0 && any) return any;
  return { family: cidr.family, first, last, text: first === last ? cidr.base : `${cidr.base}/${cidr.prefixLength}` };
}
