import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hrefOf, parseRoute } from './route.ts';

test('an address is read back as it was made, whatever the names', () => {
  for (const [page, rest, query] of [
    ['overview', [], {}],
    ['guests', [], { filter: 'not ready & <b>' }],
    ['guests', ['a/b ?#%', 'console'], {}],
  ] as const) {
    const read = parseRoute(hrefOf(page, rest, query));
    assert.deepEqual([read.page, read.rest, Object.fromEntries(read.query)], [page, rest, query]);
  }
});

test('what is no page leads to the overview', () => {
  for (const hash of ['', '#', '#/', '#/nonsense', '#/%E0%A4%A']) assert.equal(parseRoute(hash).page, 'overview');
});
