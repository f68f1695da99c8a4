import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explainDifference, fingerprintRules } from './rules-in-force.ts';

const listing = (handle: number, packets: number, element: string) =>
  `{"nftables": [{"chain": {"table": "caisson", "name": "state_1", "handle": ${handle}}}, {"rule": {"handle": ${handle}, "expr": [{"counter": {"packets": ${packets}, "bytes": ${packets * 60}}}]}}, {"set": {"elem": ["${element}"]}}]}`;
const expected = { stateChain: 'state_1', fingerprint: fingerprintRules(listing(7, 0, '10.0.0.1')) };

describe('rules in force', () => {
  test('are the same with other counters and handles', () => {
    assert.equal(explainDifference(listing(9, 1234, '10.0.0.1'), expected), undefined);
  });

  test('are others with another element', () => {
    assert.match(explainDifference(listing(7, 0, '10.0.0.2'), expected) ?? '', /changed/);
  });

  test('are gone without a table, and not ours without our chain', () => {
    assert.match(explainDifference(null, expected) ?? '', /gone/);
    assert.match(explainDifference(listing(7, 0, '10.0.0.1').replace('state_1', 'state_2'), expected) ?? '', /other rules/);
  });

  test('that could not be read back count as changed', () => {
    assert.match(explainDifference(listing(7, 0, '10.0.0.1'), { ...expected, fingerprint: undefined }) ?? '', /changed/);
  });
});
