import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseStrictJson } from './strict-json.ts';

test('what JSON can say is read as the runtime reads it', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
      const again = JSON.stringify(JSON.parse(text), null, indent);
      assert.deepEqual(parseStrictJson(again), JSON.parse(again));
    }),
    { seed: 1, numRuns: 500 },
  );
});

for (const text of [
  '{"user":"ada","user":"eve"}',
  '{"user":"ada","\\u0075ser":"eve"}',
  '{"a":{"b":1,"c":[{"d":1,"d":1}]}}',
  '{"":1,"":2}',
  '{"a\\"":1,"b":"\\\\","a\\"":2}',
  '[{"a":1},{"a":1,"b":"}","a":2}]',
  '{"__proto__":1,"__proto__":2}',
])
  test(`${text} is refused`, () => {
    assert.throws(() => parseStrictJson(text), { name: 'SyntaxError', message: /stands twice/ });
  });

for (const text of ['[{"a":1},{"a":1}]', '{"a":{"a":{"a":"a"}}}', '{"a":"b","b":"a"}', '{"a":"{\\"a\\":1","b":["a","a"]}'])
  test(`${text} has no key twice`, () => {
    assert.deepEqual(parseStrictJson(text), JSON.parse(text));
  });

test('what is no JSON is refused, however it ends', () => {
  for (const text of ['', '{', '{"a', '{"a":1,}', '"\\"']) assert.throws(() => parseStrictJson(text), { name: 'SyntaxError' });
});
