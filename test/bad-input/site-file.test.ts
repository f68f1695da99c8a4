import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSiteFile } from '../../src/model/site-file.ts';
import { badSites } from './bad-sites.ts';

for (const { name, text, problems } of badSites) {
  test(`a site file with ${name} is refused with its place`, () => {
    assert.ok(problems.length > 0);
    const result = parseSiteFile(text, () => undefined);
    assert.ok('problems' in result, 'the file was accepted');
    assert.deepEqual(
      result.problems.map((problem) => `${problem.line}:${problem.column}: ${problem.message}`),
      problems,
    );
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
  });
}

test('two bad site files have different names', () => {
  assert.equal(new Set(badSites.map(({ name }) => name)).size, badSites.length);
});
