import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatExactDuration, formatExactSize, parseDuration, parseSize } from '../lib/units.ts';
import { diskSizeSchema, durationSchema, memorySizeSchema } from './quantity.ts';

const options = { seed: 5, numRuns: 500 };
const mib = 1024 ** 2;

function refusal(
  schema: { safeParse: (value: unknown) => { success: boolean; error?: { issues: { message: string }[] } } },
  text: unknown,
): string {
  const result = schema.safeParse(text);
  assert.ok(!result.success, `${String(text)} was accepted`);
  return result.error?.issues[0]?.message ?? '';
}

test('a size and a duration come back from their canonical spelling', () => {
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(1, 1024, mib, 1024 ** 3), (count, unit) => {
      const bytes = count * unit;
      if (!Number.isSafeInteger(bytes)) return;
      assert.equal(parseSize(formatExactSize(bytes)), bytes);
    }),
    options,
  );
  fc.assert(
    fc.property(fc.nat({ max: 999_999_999 }), (ms) => assert.equal(parseDuration(formatExactDuration(ms)), ms)),
    options,
  );
});

test('a memory size is a whole number of MiB within its limits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 16, max: 4 * mib }), (sizeMib) =>
      assert.equal(memorySizeSchema.parse(formatExactSize(sizeMib * mib)), sizeMib),
    ),
    options,
  );
  assert.equal(memorySizeSchema.parse('65536KiB'), 64);
  assert.match(refusal(memorySizeSchema, '15MiB'), /between 16MiB and 4TiB/);
  assert.match(refusal(memorySizeSchema, '5TiB'), /between 16MiB and 4TiB/);
  assert.match(refusal(diskSizeSchema, '1025KiB'), /whole number of MiB/);
});

test('a size in another unit is refused with the one that was probably meant', () => {
  const guesses: Record<string, string> = {
    '512M': '512MiB',
    '512mb': '512MiB',
    '512 Mib': '512MiB',
    '8G': '8GiB',
    ' 8 gb ': '8GiB',
    '1.5GiB': '1536MiB',
    '1.5 TB': '1536GiB',
  };
  for (const [text, meant] of Object.entries(guesses))
    assert.match(refusal(memorySizeSchema, text), new RegExp(`did you mean “${meant}”\\?$`));
  for (const text of ['', '512', 'MiB', '1e3MiB', '-1GiB', '1.1GiB', '0x10MiB', '１GiB', '9'.repeat(400)])
    assert.doesNotMatch(refusal(memorySizeSchema, text), /did you mean/);
});

test('a duration has a unit and ends within a week', () => {
  assert.equal(durationSchema.parse('90s'), 90_000);
  assert.equal(durationSchema.parse('7d'), 604_800_000);
  assert.match(refusal(durationSchema, '5 minutes'), /did you mean “5min”\?$/);
  assert.match(refusal(durationSchema, '8d'), /between 1ms and 7d/);
  assert.match(refusal(durationSchema, '0s'), /between 1ms and 7d/);
  assert.match(refusal(durationSchema, 90), /for example 90s/);
});
