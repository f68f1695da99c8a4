// What the daemon renders, the root helper accepts: the two check text separately.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { renderDnsmasq } from '../../src/drivers/nftables/render-dnsmasq.ts';
import { renderChange } from '../../src/drivers/nftables/render-change.ts';
import { renderRules } from '../../src/drivers/nftables/render-rules.ts';
import { checkChange, checkDhcpHosts, checkDnsmasqConfig, checkNames, checkTable } from '../../src/helper/network/check-network.ts';
import { arbitraryNetwork } from './arbitrary-network.ts';
import { exampleNetwork } from './example-network.ts';
import { kindsOfZones } from './kinds-of-zones.ts';

test('rendered rules and configurations are accepted by the helper', () => {
  fc.assert(
    fc.property(arbitraryNetwork, (state) => {
      for (const network of [state, { ...state, zones: exampleNetwork.zones }, kindsOfZones]) {
        const { text, tables } = renderRules(network);
        assert.equal(checkTable(text, 'table'), text);
        const change = renderChange(renderRules(exampleNetwork).tables, tables);
        if (change !== undefined) assert.equal(checkChange(change, 'change'), change);
        const { config, dhcpHosts, names } = renderDnsmasq(network, ['203.0.113.53', '2001:db8::53']);
        assert.equal(checkDnsmasqConfig(config, 'config'), config);
        assert.equal(checkDhcpHosts(dhcpHosts, 'hosts'), dhcpHosts);
        assert.equal(checkNames(names, 'names'), names);
      }
    }),
    { numRuns: 50, seed: 1 },
  );
});
