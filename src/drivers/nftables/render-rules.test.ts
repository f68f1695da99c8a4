import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { NetworkState } from '../../model/network-state.ts';
import { arbitraryNetwork, shuffled } from '../../../test/network/arbitrary-network.ts';
import { exampleNetwork } from '../../../test/network/example-network.ts';
import { kindsOfZones } from '../../../test/network/kinds-of-zones.ts';
import { assertGolden } from '../../../test/network/golden.ts';
import { renderRules } from './render-rules.ts';

describe('rules of the network', () => {
  test('of the example are the golden ones', () => {
    assertGolden('network-rules.nft', renderRules(exampleNetwork).text);
  });

  test('of an empty state let nothing pass', () => {
    assertGolden('network-rules-empty.nft', renderRules({ site: 'lab', zones: [], nics: [], flows: [], publications: [] }).text);
  });

  test('of every kind of zone are the golden ones', () => {
    assertGolden('network-rules-kinds.nft', renderRules(kindsOfZones).text);
  });

  test('do not depend on the order of zones, nics and flows', () => {
    fc.assert(
      fc.property(arbitraryNetwork, fc.infiniteStream(fc.nat()), (state, keys) => {
        assert.equal(renderRules(shuffled(state, keys)).text, renderRules(state).text);
      }),
      { numRuns: 60, seed: 1 },
    );
  });

  test('carry a name and a mark that change with every rule', () => {
    const without = { ...exampleNetwork, flows: exampleNetwork.flows.slice(1) };
    const [one, other] = [renderRules(exampleNetwork), renderRules(without)];
    const markOf = (text: string) => /ct mark set (0x[0-9a-f]{8}) accept/.exec(text)?.[1];
    assert.ok(one.text.includes(`chain ${one.stateChain} {`));
    assert.notEqual(one.stateChain, other.stateChain);
    assert.notEqual(markOf(one.text), undefined);
    assert.notEqual(markOf(one.text), markOf(other.text));
  });

  test('of 10,000 flows that do not overlap stay one lookup for each way', () => {
    const flows = Array.from({ length: 10_000 }, (_, index) => ({
      from: { kind: 'addresses', cidrs: [`10.20.${index % 100}.1/32`] } as const,
      to: { kind: 'addresses', cidrs: [`10.20.${Math.floor(index / 100)}.2/32`] } as const,
      services: [{ protocol: 'tcp', ports: { from: 80, to: 80 } } as const],
      text: `flow ${index}`,
    }));
    const { text } = renderRules({ ...exampleNetwork, flows: flows as unknown as NetworkState['flows'] });
    assert.equal(text.match(/@between/g)?.length, 2);
  });

  // What a person writes appears only inside quotes, and nothing there can end them.
  test('cannot be left by the text of a flow', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('"', '\\', '\n}', '" }; flush ruleset; #', '$x', '→'.repeat(200))),
        (text) => {
          const state = { ...exampleNetwork, flows: exampleNetwork.flows.map((flow) => ({ ...flow, text })) };
          const skeleton = (rendered: string) =>
            rendered.replaceAll(/ comment "[A-Za-z0-9 .,:/=_<>-]{1,120}"/g, '').replaceAll(/state_[0-9a-f]{32}|0x[0-9a-f]{8}/g, 'X');
          const elements = (rendered: string) => skeleton(rendered).split('\n').toSorted().join('\n').replaceAll(',', '');
          assert.equal(elements(renderRules(state).text), elements(renderRules(exampleNetwork).text));
        },
      ),
      { numRuns: 40, seed: 1 },
    );
  });

  test('refuse every other string that is not exactly of its kind', () => {
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '',
        '"',
        'eth1" }',
        'eth1\n',
        '*',
        'cs*',
        'lo0 }',
        '10.0.0.0/8, 0.0.0.0',
        '10.0.0.1;',
        '010.0.0.1',
        '::1%lo',
        '10.0.0.1/8',
        '52:54:00:00:00:01\n',
        '@guests4',
        '$a',
      ),
    );
    const [zone] = exampleNetwork.zones;
    const [nic] = exampleNetwork.nics;
    assert.ok(zone?.uplink && nic);
    const places: ((text: string) => NetworkState)[] = [
      (text) => ({ ...exampleNetwork, zones: [{ ...zone, uplink: { interface: text } }] }),
      (text) => ({ ...exampleNetwork, zones: [{ ...zone, hostAddresses: [text] }] }),
      (text) => ({ ...exampleNetwork, zones: [{ ...zone, subnets: [text] }] }),
      (text) => ({ ...exampleNetwork, nics: [{ ...nic, tap: text }] }),
      (text) => ({ ...exampleNetwork, nics: [{ ...nic, mac: text }] }),
      (text) => ({ ...exampleNetwork, nics: [{ ...nic, addresses: [text] }] }),
      (text) => ({
        ...exampleNetwork,
        flows: [{ from: { kind: 'addresses', cidrs: [text] }, to: { kind: 'world' }, services: [], text: '' }],
      }),
      (text) => ({
        ...exampleNetwork,
        flows: [{ from: { kind: 'world' }, to: { kind: 'addresses', cidrs: [text] }, services: [], text: '' }],
      }),
    ];
    const plain = /^[A-Za-z0-9_.-]{1,15}$/;
    fc.assert(
      fc.property(nasty, fc.constantFrom(...places), (text, stateWith) => {
        fc.pre(!plain.test(text));
        assert.throws(() => renderRules(stateWith(text)), { code: 'invalid' });
      }),
      { numRuns: 500, seed: 1 },
    );
  });

  test('refuse publications of one port twice, and ports that are none', () => {
    const [port] = kindsOfZones.publications;
    assert.ok(port);
    const render = (...more: NetworkState['publications']) =>
      renderRules({ ...kindsOfZones, publications: [...kindsOfZones.publications, ...more] });
    const range = { ...port, ports: { from: 8010, to: 8020 }, to: { ...port.to, port: 1 } };
    assert.throws(() => render(range), { code: 'invalid', message: /port 8010\/tcp of 192\.0\.2\.50 is published twice/ });
    assert.throws(() => render({ ...port, ports: { from: 400, to: 500 } }), { code: 'invalid' });
    assert.doesNotThrow(() => render({ ...range, ports: { from: 8011, to: 8020 } }));
    for (const ports of [
      { from: 600, to: 500 },
      { from: 0, to: 10 },
      { from: 65_530, to: 65_536 },
    ])
      assert.throws(() => render({ ...port, ports }), { code: 'invalid' }, JSON.stringify(ports));
    assert.throws(() => render({ ...range, ports: { from: 500, to: 510 }, to: { ...port.to, port: 65_530 } }), { code: 'invalid' });
  });

  test('refuse ports and protocols that are none', () => {
    const withService = (service: unknown): NetworkState => ({
      ...exampleNetwork,
      flows: [
        {
          from: { kind: 'world' },
          to: { kind: 'addresses', cidrs: [] },
          text: '',
          services: [service as NetworkState['flows'][0]['services'][0]],
        },
      ],
    });
    for (const service of [
      { protocol: 'tcp } x' },
      { protocol: 'sctp' },
      { protocol: 'tcp', ports: { from: '80 }', to: 90 } },
      { protocol: 'tcp', ports: { from: 90, to: 80 } },
      { protocol: 'udp', ports: { from: 1, to: 65_536 } },
    ]) {
      assert.throws(() => renderRules(withService(service)), { code: 'invalid' }, JSON.stringify(service));
    }
  });
});
