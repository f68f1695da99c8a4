import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCbor } from './cbor.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

test('examples of RFC 8949, appendix A', () => {
  for (const [bytes, value] of [
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1000],
    ['1a000f4240', 1_000_000],
    ['20', -1],
    ['3903e7', -1000],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['4401020304', hex('01020304')],
    ['62c3bc', 'ü'],
    ['80', []],
    ['8301820203820405', [1, [2, 3], [4, 5]]],
    ['a0', new Map()],
    [
      'a201020304',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    [
      'a26161016162820203',
      new Map<string, unknown>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
    ],
  ] as const)
    assert.deepEqual(readCbor(hex(bytes)), { value, end: bytes.length / 2 }, bytes);
});

test('it reads from where it is told, and tells where it ended', () => {
  assert.deepEqual(readCbor(hex('ffff1903e8ffff'), 2), { value: 1000, end: 5 });
});

test('what an authenticator does not write is refused, whatever it is', () => {
  for (const [what, bytes] of [
    ['nothing', ''],
    ['a number cut off', '19 03'.replace(' ', '')],
    ['bytes cut off', '44010203'],
    ['a length beyond all', '5affffffff'],
    ['a list of four thousand million', '9affffffff'],
    ['a map of four thousand million', 'baffffffff'],
    ['64 bits', '1b000000e8d4a51000'],
    ['no definite length', '9f01ff'],
    ['a fraction', 'f93c00'],
    ['undefined', 'f7'],
    ['a tag', 'c074323031332d30332d32315432303a30343a30305a'],
    ['a key twice', 'a201020103'],
    ['a key that is a list', 'a18001'],
    ['no UTF-8', '61ff'],
    ['a depth without end', '81'.repeat(5000)],
  ] as const)
    assert.throws(() => readCbor(hex(bytes)), { code: 'invalid' }, what);
});
