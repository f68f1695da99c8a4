import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestManifest, renderManifest } from './manifest.ts';

const sha = 'a'.repeat(64);
const entries = (...lines: string[]) => lines.map((line) => `${line}\0`).join('');

test('files have size and content, links their target, folders neither', () => {
  const lines = renderManifest(
    entries('\td\t755\t0:0\t4096\t', 'etc/motd\tf\t644\t0:0\t2\t', 'bin\tl\t777\t0:0\t7\tusr/bin'),
    entries(`${sha}  etc/motd`),
  );
  assert.deepEqual(lines, ['"" d 755 0:0 -', '"bin" l 777 0:0 "usr/bin"', `"etc/motd" f 644 0:0 2 ${sha}`]);
});

test('names with tabs, backslashes and line breaks keep to their line', () => {
  const lines = renderManifest(entries('a\tb\nc\\d\tf\t644\t0:0\t0\t'), entries(`${sha}  a\tb\nc\\d`));
  assert.deepEqual(lines, [`"a\\tb\\nc\\\\d" f 644 0:0 0 ${sha}`]);
});

test('the digest changes with every fact of a file', () => {
  const base = ['etc/motd', 'f', '644', '0:0', '2', ''];
  const digest = (fields: string[]) => digestManifest(renderManifest(entries(fields.join('\t')), entries(`${sha}  ${fields[0]}`)));
  const digests = [base, ...base.slice(0, 5).map((_, index) => base.with(index, ['x', 'f', '600', '1:0', '3'][index] ?? ''))].map(digest);
  assert.equal(new Set(digests).size, 5); // five of the six differ: the type is a file in both
});
