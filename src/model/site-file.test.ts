import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { siteArbitrary } from '../../test/site-arbitrary.ts';
import { checkSite } from './check-site.ts';
import { renderSiteFile } from './site-document.ts';
import { parseSiteFile } from './site-file.ts';

const noFiles = () => undefined;

test('a site comes back from its own YAML as it was', () => {
  fc.assert(
    fc.property(siteArbitrary(), (site) => {
      assert.deepEqual(checkSite(site), []);
      const text = renderSiteFile(site);
      assert.deepEqual(parseSiteFile(text, noFiles), { site }, text);
      assert.deepEqual(parseSiteFile(Buffer.from(text), noFiles), { site });
    }),
    { seed: 1, numRuns: process.env.CAISSON_TEST_LONG === '1' ? 5000 : 100 },
  );
});
