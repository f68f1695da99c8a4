import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RulesetEntry } from './read-elements.ts';
import { explainAbsence, fingerprintRules } from './rules-in-force.ts';
import type { Table } from './table.ts';

const filled: Table[] = [
  { family: 'inet', limits: [], chains: [], sets: [{ name: 'greetings', type: 'ifname', flags: 'dynamic', elements: [] }] },
];
const listing = (handle: number, packets: number, element: string, greeting: string): RulesetEntry[] =>
  [
    { chain: { family: 'inet', table: 'caisson', name: 'state_1', handle } },
    { rule: { handle, expr: [{ counter: { packets, bytes: packets * 60 } }] } },
    { set: { family: 'inet', name: 'guests4', elem: [element] } },
    { set: { family: 'inet', name: 'greetings', elem: [greeting] } },
  ] as RulesetEntry[];
const of = (...args: Parameters<typeof listing>) => fingerprintRules(listing(...args), filled);

describe('rules in force', () => {
  test('are the same with other counters and handles, and whatever packets have filled', () => {
    assert.equal(of(9, 1234, '10.0.0.1', 'csga'), of(7, 0, '10.0.0.1', 'csgb'));
  });

  test('are others with another element', () => {
    assert.notEqual(of(7, 0, '10.0.0.2', ''), of(7, 0, '10.0.0.1', ''));
  });

  test('are gone without a table, and not ours without our chain', () => {
    const json = JSON.stringify(listing(7, 0, '10.0.0.1', ''));
    assert.equal(explainAbsence(json, 'state_1'), undefined);
    assert.match(explainAbsence(null, 'state_1') ?? '', /gone/);
    assert.match(explainAbsence(json, 'state_2') ?? '', /other rules/);
  });
});
