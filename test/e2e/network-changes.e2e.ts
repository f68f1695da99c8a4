// Changes of the rules leave in the kernel exactly what the whole would have made, whatever they are and in whatever order they come.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { renderRules } from '../../src/drivers/nftables/render-rules.ts';
import type { NetworkState } from '../../src/model/network-state.ts';
import { arbitraryNetwork } from '../network/arbitrary-network.ts';
import { exampleNetwork } from '../network/example-network.ts';
import { kindsOfZones } from '../network/kinds-of-zones.ts';
import { RealNetwork } from '../network/real-network.ts';

describe('changes of the rules', () => {
  const real = new RealNetwork('change');
  before(() => real.open());
  after(() => real.close());

  /** What the kernel says, without numbers that it gives to things and without their order, which differs and means nothing, rules apart. */
  const inKernel = async () => {
    const { json } = await real.helper.rulesRead({});
    const { nftables } = JSON.parse(json ?? '{}') as { nftables: Record<string, { elem?: unknown[] }>[] };
    return nftables
      .filter((entry) => !('metainfo' in entry))
      .map((entry) => {
        const [kind = '', value = {}] = Object.entries(entry)[0] ?? [];
        const sorted = { ...value, ...(value.elem && { elem: value.elem.map((one) => JSON.stringify(one)).toSorted() }) };
        return { kind, text: JSON.stringify(sorted).replaceAll(/"handle":\d+/g, '') };
      })
      .map(({ kind, text }, index) => ({ key: kind === 'rule' ? (/"chain":"[^"]*"/.exec(text)?.[0] ?? '') : text, text, index }))
      .toSorted((a, b) => (a.key === b.key ? a.index - b.index : a.key < b.key ? -1 : 1))
      .map(({ text }) => text);
  };

  test('lead to the same as the whole', async () => {
    const states = [
      ...fc.sample(arbitraryNetwork, { seed: 3, numRuns: 12 }),
      exampleNetwork,
      { ...exampleNetwork, flows: [] },
      kindsOfZones,
    ];
    const special = (state: NetworkState): NetworkState => ({
      ...state,
      flows: state.flows.map((flow, index) => (index % 3 === 0 ? { ...flow, rate: { count: 10, per: 'minute' }, log: true } : flow)),
    });
    const wholes = new Map<NetworkState, string[]>();
    const all = [...states, ...states.slice(0, 4).map(special)];
    const changes: string[] = [];
    const helper = { ...real.helper };
    for (const state of all) {
      await helper.rulesApply({ table: renderRules(state).text });
      wholes.set(state, await inKernel());
    }
    const { renderChange } = await import('../../src/drivers/nftables/render-change.ts');
    let last = all.at(-1) as NetworkState;
    for (const state of [...all, ...all.toReversed()]) {
      const change = renderChange(renderRules(last).tables, renderRules(state).tables);
      if (change === undefined) await helper.rulesApply({ table: renderRules(state).text });
      else if (change !== '') {
        await helper.rulesApply({ change });
        changes.push(change);
      }
      assert.deepEqual(await inKernel(), wholes.get(state));
      last = state;
    }
    assert.ok(changes.length > all.length, `${changes.length} changes`);
  });
});
