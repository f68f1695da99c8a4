import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOthers, isTooOld } from './rules.ts';

test('nft is too old before the one of Debian 12', () => {
  for (const said of ['nftables v1.0.6 (Lester Gooch #5)', 'nftables v1.1.0', 'nftables v2.0', 'something else'])
    assert.equal(isTooOld(said), false, said);
  for (const said of ['nftables v1.0.5 (x)', 'nftables v0.9.8 (E.D.S.)', 'nftables v1.0']) assert.equal(isTooOld(said), true, said);
});

test('tables of others are told with what they do to packets', () => {
  const chain = (family: string, table: string, hook?: string, policy?: string) => ({
    chain: { family, table, name: 'c', ...(hook && { hook }), ...(policy && { policy }) },
  });
  const rule = (family: string, table: string, ...expr: unknown[]) => ({ rule: { family, table, expr } });
  assert.deepEqual(
    findOthers([
      { metainfo: {} },
      chain('inet', 'caisson', 'forward', 'accept'),
      rule('inet', 'caisson', { drop: null }),
      chain('ip', 'filter', 'forward', 'drop'),
      chain('ip', 'filter', 'input', 'accept'),
      chain('inet', 'firewalld', 'forward', 'accept'),
      rule('inet', 'firewalld', { counter: {} }, { reject: { type: 'icmpx' } }),
      chain('ip', 'nat', 'postrouting', 'accept'),
      rule('ip', 'nat', { masquerade: null }),
      chain('inet', 'sets'),
      rule('inet', 'sets', { drop: null }),
      chain('ip', 'caisson', 'input', 'accept'),
    ]),
    [
      { name: 'inet firewalld', refuses: 'some' },
      { name: 'ip caisson', refuses: 'nothing' },
      { name: 'ip filter', refuses: 'all' },
      { name: 'ip nat', refuses: 'nothing' },
    ],
  );
});
