import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpoints } from '../../api/endpoints.ts';
import { pathOf } from '../../api/client.ts';
import { matchPath } from './match-path.ts';

test('the path that the client makes of each row leads back to it', () => {
  for (const [id, endpoint] of Object.entries(endpoints)) {
    const params = Object.fromEntries([...endpoint.path.matchAll(/:(\w+)/g)].map((match) => [match[1], 'a b/é']));
    const found = matchPath(pathOf(endpoint, params)).find((match) => match.id === id);
    assert.ok(found, id);
    assert.deepEqual(found.params, params);
  }
});

test('nothing matches what is longer, shorter, empty or undecodable', () => {
  for (const path of ['/v1/guests/', '/v1/guests/a/start/now', '/v1', '/v1/guests/%e0%a4%a', '//v1/guests'])
    assert.deepEqual(matchPath(path), []);
});

test('a row without a parameter comes before one with', () => {
  assert.deepEqual(
    matchPath('/v1/zones/check').map(({ endpoint }) => endpoint.path),
    ['/v1/zones/check', '/v1/zones/check', '/v1/zones/:name'],
  );
});
