import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromBase32, toBase32 } from './base32.ts';
import { findTotpStep, totpCode, totpStep, totpUri } from './totp.ts';

const seeds = {
  sha1: Buffer.from('12345678901234567890'),
  sha256: Buffer.from('12345678901234567890123456789012'),
  sha512: Buffer.from('1234567890123456789012345678901234567890123456789012345678901234'),
} as const;

// RFC 6238, appendix B.
for (const [seconds, sha1, sha256, sha512] of [
  [59, '94287082', '46119246', '90693936'],
  [1111111109, '07081804', '68084774', '25091201'],
  [1111111111, '14050471', '67062674', '99943326'],
  [1234567890, '89005924', '91819424', '93441116'],
  [2000000000, '69279037', '90698825', '38618901'],
  [20000000000, '65353130', '77737706', '47863826'],
] as const) {
  test(`the RFC’s codes at ${seconds} s`, () => {
    const step = totpStep(seconds * 1000);
    assert.equal(totpCode(seeds.sha1, step, { digits: 8 }), sha1);
    assert.equal(totpCode(seeds.sha256, step, { algorithm: 'sha256', digits: 8 }), sha256);
    assert.equal(totpCode(seeds.sha512, step, { algorithm: 'sha512', digits: 8 }), sha512);
    assert.equal(totpCode(seeds.sha1, step), sha1.slice(2));
  });
}

const now = 1_800_000_015_000;

test('a code counts in its own step, the one before and the one after, and not beyond', () => {
  const step = totpStep(now);
  for (const offset of [-1, 0, 1]) assert.equal(findTotpStep(seeds.sha1, totpCode(seeds.sha1, step + offset), now, -1), step + offset);
  for (const offset of [-2, 2]) assert.equal(findTotpStep(seeds.sha1, totpCode(seeds.sha1, step + offset), now, -1), undefined);
});

test('a step that was used, or is before it, does not count again', () => {
  const step = totpStep(now);
  const code = totpCode(seeds.sha1, step);
  assert.equal(findTotpStep(seeds.sha1, code, now, step), undefined);
  assert.equal(findTotpStep(seeds.sha1, totpCode(seeds.sha1, step - 1), now, step), undefined);
  assert.equal(findTotpStep(seeds.sha1, code, now, step - 1), step);
});

test('what is not six ASCII digits never counts', () => {
  const code = totpCode(seeds.sha1, totpStep(now));
  const fullwidth = Array.from(code, (digit) => String.fromCodePoint(0xff10 + Number(digit))).join('');
  for (const wrong of ['', ` ${code}`, `${code}\n`, code.slice(1), `${code}0`, fullwidth, `${code.slice(0, 5)}\0`])
    assert.equal(findTotpStep(seeds.sha1, wrong, now, -1), undefined, JSON.stringify(wrong));
});

// RFC 4648, section 10, without the padding.
test('base32 is the RFC’s, both ways', () => {
  for (const [plain, text] of [
    ['', ''],
    ['f', 'MY'],
    ['fo', 'MZXQ'],
    ['foo', 'MZXW6'],
    ['foob', 'MZXW6YQ'],
    ['fooba', 'MZXW6YTB'],
    ['foobar', 'MZXW6YTBOI'],
  ] as const)
    assert.equal(toBase32(Buffer.from(plain)), text);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.deepEqual(fromBase32(toBase32(bytes)), bytes);
    }),
    { seed: 1 },
  );
  assert.equal(fromBase32('MZXW6Y1B'), undefined);
  assert.equal(fromBase32('mzxw6'), undefined);
});

test('the address for authenticator programs names site and user', () => {
  assert.equal(
    totpUri(seeds.sha1, 'Caisson lab', 'ada'),
    'otpauth://totp/Caisson%20lab:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Caisson%20lab&algorithm=SHA1&digits=6&period=30',
  );
});
