import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { exampleNetwork } from '../../../test/network/example-network.ts';
import { kindsOfZones } from '../../../test/network/kinds-of-zones.ts';
import { largeNetwork } from '../../../test/network/large-network.ts';
import { renderChange } from './render-change.ts';
import { renderRules } from './render-rules.ts';
import type { Table } from './table.ts';

const tablesOf = (state: typeof exampleNetwork) => renderRules(state).tables;
const large = largeNetwork(300, 2000);

describe('a change of the rules', () => {
  test('of one guest names that guest’s elements, and no other’s', () => {
    const [gone, ...nics] = large.nics;
    const change = renderChange(tablesOf(large), tablesOf({ ...large, nics })) ?? '';
    const elements = change.split('\n').filter((line) => / element /.test(line));
    const names = [gone?.tap ?? 'none', gone?.addresses[0] ?? 'none'];
    assert.ok(elements.length > 4);
    for (const line of elements)
      assert.ok(line.startsWith('delete ') && names.some((name) => line.includes(name)) && !line.includes(','), line);
    assert.ok(change.length < 40_000, `${change.length}`);
  });

  test('of everything is better written whole', () => {
    const other = largeNetwork(300, 9000);
    assert.equal(
      renderChange(tablesOf({ ...large, flows: [] }), tablesOf({ ...other, nics: other.nics.slice(0, 10) })) !== undefined,
      true,
    );
    const [before, after] = [exampleNetwork, kindsOfZones].map(tablesOf);
    // A table more, the bridge's.
    assert.equal(renderChange(before ?? [], after ?? []), undefined);
    assert.equal(renderChange(after ?? [], before ?? []), undefined);
  });

  test('leaves chains alone whose rules are the same, but not one that refers to what is made anew', () => {
    const table = (limit: string, type: string, last: string): Table => ({
      family: 'inet',
      limits: [{ name: 'often', rate: limit }],
      sets: [{ name: 'some', type, elements: [] }],
      chains: [
        { name: 'plain', rules: ['accept'] },
        { name: 'limited', rules: ['limit name "often" accept'] },
        { name: 'looking', rules: ['ip saddr @some accept'] },
        { name: 'last', rules: [last] },
      ],
    });
    const before = table('rate 1/second', 'ipv4_addr', 'drop');
    const written = (after: Table) =>
      [...(renderChange([before], [after]) ?? '').matchAll(/^flush chain inet caisson (\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(written(before), []);
    assert.deepEqual(written(table('rate 1/second', 'ipv4_addr', 'accept')), ['last']);
    assert.deepEqual(written(table('rate 2/second', 'ipv4_addr', 'drop')), ['limited']);
    assert.deepEqual(written(table('rate 1/second', 'ipv6_addr', 'drop')), ['looking']);
  });

  test('takes what nothing refers to any more, and makes what is referred to first', () => {
    const fewer = { ...exampleNetwork, flows: exampleNetwork.flows.filter(({ text }) => !text.includes('icmp')) };
    const lines = (renderChange(tablesOf(exampleNetwork), tablesOf(fewer)) ?? '').split('\n');
    const at = (line: string) => {
      const index = lines.indexOf(line);
      assert.notEqual(index, -1, line);
      return index;
    };
    assert.ok(at('flush chain inet caisson entering') < at('delete set inet caisson entering4_echo'));
    const back = (renderChange(tablesOf(fewer), tablesOf(exampleNetwork)) ?? '').split('\n');
    const made = back.findIndex((line) => line.startsWith('add set inet caisson entering4_echo '));
    assert.ok(made >= 0 && made < back.findIndex((line) => line.startsWith('add rule inet caisson entering ')));
  });
});
