import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTooOld } from './rules.ts';

test('nft is too old before the one of Debian 12', () => {
  for (const said of ['nftables v1.0.6 (Lester Gooch #5)', 'nftables v1.1.0', 'nftables v2.0', 'something else'])
    assert.equal(isTooOld(said), false, said);
  for (const said of ['nftables v1.0.5 (x)', 'nftables v0.9.8 (E.D.S.)', 'nftables v1.0']) assert.equal(isTooOld(said), true, said);
});
