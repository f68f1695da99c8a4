import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { NetworkState } from '../../model/network-state.ts';
import { arbitraryNetwork, shuffled } from '../../../test/network/arbitrary-network.ts';
import { exampleNetwork } from '../../../test/network/example-network.ts';
import { assertGolden } from '../../../test/network/golden.ts';
import { renderDnsmasq } from './render-dnsmasq.ts';

describe('configuration of DHCP and names', () => {
  test('of the example is the golden one', () => {
    const { config, dhcpHosts, names } = renderDnsmasq(exampleNetwork, []);
    assertGolden('network-dnsmasq.conf', config);
    assertGolden('network-dnsmasq-hosts', dhcpHosts);
    assertGolden('network-dnsmasq-names', names);
  });

  test('asks nobody for names but the resolvers given', () => {
    const servers = (resolvers: string[]) =>
      renderDnsmasq(exampleNetwork, resolvers)
        .config.split('\n')
        .filter((line) => line.startsWith('server'));
    assert.deepEqual(servers([]), []);
    assert.deepEqual(servers(['203.0.113.53', '2001:db8::53']), ['server=203.0.113.53', 'server=2001:db8::53']);
    assert.throws(() => servers(['203.0.113.53#5353']), { code: 'invalid' });
  });

  test('does not depend on the order of zones and nics', () => {
    fc.assert(
      fc.property(arbitraryNetwork, fc.infiniteStream(fc.nat()), (state, keys) => {
        const texts = renderDnsmasq(state, []);
        assert.deepEqual(renderDnsmasq(shuffled(state, keys), []), texts);
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  test('refuses every string that is not exactly of its kind', () => {
    const [zone] = exampleNetwork.zones;
    const [nic] = exampleNetwork.nics;
    assert.ok(zone && nic);
    const places: ((text: string) => NetworkState)[] = [
      (text) => ({ ...exampleNetwork, site: text }),
      (text) => ({ ...exampleNetwork, zones: [{ ...zone, name: text }] }),
      (text) => ({ ...exampleNetwork, zones: [{ ...zone, gateways: [text] }] }),
      (text) => ({ ...exampleNetwork, zones: [{ ...zone, hostAddresses: [text] }] }),
      (text) => ({ ...exampleNetwork, zones: [{ ...zone, subnets: [text] }] }),
      (text) => ({ ...exampleNetwork, nics: [{ ...nic, guestName: text }] }),
      (text) => ({ ...exampleNetwork, nics: [{ ...nic, zone: text }] }),
      (text) => ({ ...exampleNetwork, nics: [{ ...nic, mac: text }] }),
      (text) => ({ ...exampleNetwork, nics: [{ ...nic, addresses: [text] }] }),
    ];
    const nasty = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', 'lab\ndhcp-script=/bin/sh', 'lab/', 'a,b', 'web\n', '-web', '192.0.2.1\n', '10.0.0.0/8,static'),
    );
    fc.assert(
      fc.property(nasty, fc.constantFrom(...places), (text, stateWith) => {
        fc.pre(!/^[a-z0-9][a-z0-9-]*$/.test(text));
        assert.throws(() => renderDnsmasq(stateWith(text), []), { code: 'invalid' });
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  test('knows the mask of every length', () => {
    const masks = [8, 12, 16, 20, 24, 28, 30].map((length) => {
      const zones = exampleNetwork.zones.map((zone) => ({ ...zone, subnets: [`10.0.0.0/${length}`] }));
      return /static,([0-9.]+),1h/.exec(renderDnsmasq({ ...exampleNetwork, zones }, []).config)?.[1];
    });
    assert.deepEqual(masks, [
      '255.0.0.0',
      '255.240.0.0',
      '255.255.0.0',
      '255.255.240.0',
      '255.255.255.0',
      '255.255.255.240',
      '255.255.255.252',
    ]);
  });
});
