import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Format } from './format.ts';

const plain = (text: string) => text.replaceAll(/[\u00a0\u202f]/g, ' ');

test('figures are those of the language, sizes those of the site file', () => {
  const en = new Format('en', 'UTC');
  const fr = new Format('fr', 'UTC');
  assert.deepEqual([en.mib(512), en.mib(1310), en.mib(2048), en.mib(32_000)].map(plain), ['512 MiB', '1,310 MiB', '2 GiB', '31.3 GiB']);
  assert.deepEqual([fr.mib(1310), fr.mib(32_000), fr.percent(0.14)].map(plain), ['1 310 MiB', '31,3 GiB', '14 %']);
  assert.deepEqual([en.duration(250_000), en.duration(3200), fr.duration(90_000_000)].map(plain), ['4 min 10 s', '3.2 s', '1 j 1 h']);
  assert.deepEqual([en.rate(3), en.rate(2048)].map(plain), ['3 KiB/s', '2 MiB/s']);
});

test('times are relative within a day', () => {
  const en = new Format('en', 'UTC');
  const now = Date.parse('2024-06-10T12:00:00Z');
  assert.match(en.relative(now - 180_000, now), /^3 min/);
  assert.match(en.relative(now - 5 * 3_600_000, now), /^5 h/);
  assert.match(en.relative(now - 30 * 3_600_000, now), /^9 Jun/);
  assert.match(new Format('fr', 'UTC').relative(now - 180_000, now), /il y a/);
});
