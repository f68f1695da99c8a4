// The words of a site file for networks as the value that the network driver is given, compared with a golden file; and what the kernel is
// asked for a VLAN, which not every kernel has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderNetwork } from '../../src/drivers/nftables/wanted-network.ts';
import { checkDhcpHosts, checkDnsmasqConfig, checkTable, checkZones } from '../../src/helper/network/check-network.ts';
import { planVlans } from '../../src/helper/network/made-links.ts';
import { assertGolden } from './golden.ts';
import { networkOf, plainGuest } from './site-network.ts';

const { state } = networkOf(`version: 1
site: lab
zones:
  external: { subnets: [192.0.2.0/24, '2001:db8:1::/64'], uplink: { interface: eth1, vlan: 20, gateway: 192.0.2.1, gateway6: fe80::1 } }
  office:
    subnets: [10.30.0.0/24, 'fd30::/64']
    uplink: { interface: eth1, vlan: 20, gateway: 192.0.2.1 }
    masquerade: true
    publish:
      - { listen: '192.0.2.50:443', to: 'desk:8443' }
      - { listen: '[2001:db8:1::50]:53', to: 'desk:53', protocol: udp, from: ['2001:db8:ffff::/48'] }
      - { listen: '192.0.2.50:8000-8002', to: 'desk:9000' }
      - { listen: '[2001:db8:1::50]:10000-20000', to: 'desk:10000-20000', protocol: udp }
  shared: { subnets: [10.40.0.0/24], bridged: true }
flows:
  - { from: world, to: front, allow: [tcp/1-65535, icmp/time-exceeded, protocol/47], rate: 10/minute, log: true }
  - { from: zone:office, to: world, allow: [icmp] }
  - { from: label:role=printer, to: host, allow: [udp/123] }
  - { from: 10.40.0.0/25, to: desk, allow: [tcp/9100] }
guests:
${plainGuest('front', 'zone: external, addresses: [192.0.2.30]')}${plainGuest('desk', 'zone: office')}${plainGuest('plotter', 'nics: [{ zone: shared }, { zone: office }], labels: { role: printer }')}`);

test('a site file becomes the network that it says', () => {
  assertGolden('network-state-words.json', `${JSON.stringify(state, null, 2)}\n`);
});

test('the VLAN of an uplink is made upon its interface, and packets are known by it', () => {
  const wanted = renderNetwork(state, []);
  const args = checkZones({ zones: wanted.zones, proxied: [], listened: wanted.listened }, 'zones');
  assert.deepEqual(planVlans(args.zones, []), {
    add: ['link set dev eth1 up', 'link add link eth1 name eth1.20 type vlan protocol 802.1Q id 20', 'link set dev eth1.20 alias caisson'],
    remove: [],
  });
  assert.equal(checkTable(wanted.rules.text, 'table'), wanted.rules.text);
  assert.match(wanted.rules.text, /set uplinks \{\s+type ifname\s+elements = \{\s*"eth1\.20"\s*\}/);
  assert.match(wanted.rules.text, /"eth1\.20" \. 192\.0\.2\.50 \. tcp \. 443 : 10\.30\.0\.10 \. 8443/);
  for (const element of ['192.0.2.50 . tcp . 8002 : 10.30.0.10 . 9002', '2001:db8:1::50 . udp . 10000-20000 : fd30::a'])
    assert.ok(wanted.rules.text.includes(`"eth1.20" . ${element}`), element);
});

test('DHCP names a router on the nic that is a guest’s way out, and on no other', () => {
  const { names } = renderNetwork(state, []);
  assert.equal(checkDnsmasqConfig(names.config, 'config'), names.config);
  assert.equal(checkDhcpHosts(names.dhcpHosts, 'hosts'), names.dhcpHosts);
  assert.deepEqual(names.config.match(/.*option:router.*/g), [
    'dhcp-option=tag:z0n0,option:router,192.0.2.1',
    'dhcp-option=tag:z1n0,tag:!aside,option:router,10.30.0.1',
    'dhcp-option=tag:z1n0,tag:aside,option:router',
    'dhcp-option=tag:z2n0,option:router,10.40.0.1',
  ]);
  assert.match(names.dhcpHosts, /,set:aside,10\.30\.0\.\d+,/);
});
