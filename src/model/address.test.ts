import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  addressFromBigInt,
  addressToBigInt,
  canonicalAddress,
  cidrBounds,
  cidrContains,
  cidrsOverlap,
  type Cidr,
  familyOf,
  formatCidr,
  parseCidr,
  surroundingCidr,
} from './address.ts';

const options = { seed: 11, numRuns: 500 };

const familyAndValue = fc.constantFrom(4 as const, 6 as const).chain((family) =>
  fc.tuple(
    fc.constant(family),
    // Runs of zeros and ones, as real addresses have them.
    fc
      .tuple(fc.bigInt({ min: 0n, max: (1n << (family === 4 ? 32n : 128n)) - 1n }), fc.nat({ max: 128 }), fc.nat({ max: 128 }))
      .map(([value, left, right]) => {
        const width = family === 4 ? 32n : 128n;
        const cut = value & ((1n << width) - 1n) & (((1n << width) - 1n) >> BigInt(left % Number(width)));
        return (cut >> BigInt(right % Number(width))) << BigInt(right % Number(width));
      }),
  ),
);

const cidr: fc.Arbitrary<Cidr> = fc.tuple(familyAndValue, fc.nat({ max: 128 })).map(([[family, value], bits]) => {
  const width = family === 4 ? 32 : 128;
  const prefixLength = bits % (width + 1);
  const hostBits = BigInt(width - prefixLength);
  return { family, base: addressFromBigInt(family, (value >> hostBits) << hostBits), prefixLength };
});

test('an address comes back from its number, in canonical spelling', () => {
  fc.assert(
    fc.property(familyAndValue, ([family, value]) => {
      const text = addressFromBigInt(family, value);
      assert.equal(isIP(text), family);
      assert.equal(familyOf(text), family);
      assert.equal(addressToBigInt(text), value);
      assert.equal(canonicalAddress(text), text);
    }),
    options,
  );
});

test('an IPv6 address has one canonical spelling, that of RFC 5952', () => {
  const spellings = [
    ['2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['fe80:0:0:0:0:0:0:1', 'fe80::1'],
  ] as const;
  for (const [spelling, canonical] of spellings) assert.equal(canonicalAddress(spelling), canonical);
});

test('what only looks like an address is none', () => {
  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '01.2.3.4',
    '0x1.2.3.4',
    '256.0.0.1',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4\n',
    'fe80::1%eth0',
    '::1::',
    '1:2',
    ':::',
    'localhost',
    '1.2.3.4/32',
    '١.٢.٣.٤',
  ])
    assert.equal(canonicalAddress(text), undefined, JSON.stringify(text));
  fc.assert(
    fc.property(fc.string(), (text) => {
      const address = canonicalAddress(text);
      if (address !== undefined) assert.ok(isIP(text) !== 0 && isIP(address) !== 0);
    }),
    options,
  );
});

test('a range comes back from its text, and is refused with bits after its prefix', () => {
  fc.assert(
    fc.property(cidr, (range) => {
      assert.deepEqual(parseCidr(formatCidr(range)), range);
      const { first, last } = cidrBounds(range);
      if (first === last) return;
      const within = `${addressFromBigInt(range.family, last)}/${range.prefixLength}`;
      assert.equal(parseCidr(within), undefined);
      assert.deepEqual(surroundingCidr(within), range);
    }),
    options,
  );
  for (const text of [
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/8 ',
    '/8',
    '::/129',
    '10.0.0.0/1e1',
  ])
    assert.equal(parseCidr(text), undefined, JSON.stringify(text));
});

test('a range contains exactly the addresses between its bounds, as Node’s own list says', () => {
  fc.assert(
    fc.property(cidr, familyAndValue, (range, [family, value]) => {
      const { first, last } = cidrBounds(range);
      assert.equal(last - first + 1n, 1n << BigInt((range.family === 4 ? 32 : 128) - range.prefixLength));
      assert.ok(cidrContains(range, addressFromBigInt(range.family, first)) && cidrContains(range, addressFromBigInt(range.family, last)));
      if (first > 0n) assert.ok(!cidrContains(range, addressFromBigInt(range.family, first - 1n)));
      if (last + 1n < 1n << (range.family === 4 ? 32n : 128n)) assert.ok(!cidrContains(range, addressFromBigInt(range.family, last + 1n)));
      const address = addressFromBigInt(family, value);
      // Node takes ::ffff:10.0.0.1 for an IPv4 address; we do not.
      if (range.family !== family || address.startsWith('::ffff:')) return;
      const list = new BlockList();
      list.addSubnet(range.base, range.prefixLength, family === 4 ? 'ipv4' : 'ipv6');
      if (range.prefixLength > 0) assert.equal(cidrContains(range, address), list.check(address, family === 4 ? 'ipv4' : 'ipv6'));
    }),
    options,
  );
});

test('two ranges overlap exactly when one has an address of the other', () => {
  fc.assert(
    fc.property(cidr, cidr, fc.nat({ max: 128 }), (a, other, bits) => {
      // Half of the time a part of the first, so that they do overlap.
      const width = a.family === 4 ? 32 : 128;
      const b = bits % 2 === 0 ? other : (surroundingCidr(`${a.base}/${Math.min(width, a.prefixLength + (bits % 9))}`) as Cidr);
      const [x, y] = [cidrBounds(a), cidrBounds(b)];
      assert.equal(cidrsOverlap(a, b), a.family === b.family && x.first <= y.last && y.first <= x.last);
      assert.equal(cidrsOverlap(a, b), cidrsOverlap(b, a));
    }),
    options,
  );
});
