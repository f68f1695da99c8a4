import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isName, labelValueSchema, nameSchema } from './name.ts';

test('a name is a DNS label in lower case, and nothing else', () => {
  for (const name of ['a', 'web', 'web-2', 'x'.repeat(63)]) assert.ok(isName(name), name);
  const refused = [
    '',
    '-',
    '2web',
    'web-',
    '-web',
    'Web',
    'we b',
    'we_b',
    'we.b',
    'a,b',
    'a\nb',
    'web\n',
    '../x',
    'é',
    'x'.repeat(64),
    'world',
    'host',
    'all',
    'constructor',
    '__proto__',
    'prototype',
  ];
  for (const name of refused) assert.ok(!isName(name), JSON.stringify(name));
});

test('the schema and the question agree, and no name needs quoting anywhere', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-z0-9-]{1,70}$/)), (text) => {
      assert.equal(nameSchema.safeParse(text).success, isName(text));
      if (isName(text)) assert.match(text, /^[a-z][a-z0-9-]{0,62}$/);
    }),
    { seed: 2, numRuns: 500 },
  );
});

test('a label has a short value without anything that a list or a command line would notice', () => {
  for (const value of ['front', 'a.b-c_D', '1']) assert.ok(labelValueSchema.safeParse(value).success, value);
  for (const value of ['', ' ', 'a b', 'a,b', 'a=b', '-a', 'a.', 'x'.repeat(64), 'a\n'])
    assert.ok(!labelValueSchema.safeParse(value).success, JSON.stringify(value));
});
