import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { silentLog } from '../../lib/log.ts';
import {
  checkChange,
  checkDhcpHosts,
  checkDnsmasqConfig,
  checkNames,
  checkNicDown,
  checkNicUp,
  checkTable,
  checkZones,
} from './check-network.ts';
import { createKernelNetwork } from './kernel-network.ts';

const cleared = ['arp', 'bridge', 'inet'].map((family) => `add table ${family} caisson\ndelete table ${family} caisson\n`).join('');
const head = `${cleared}table inet caisson {\n`;
const invalid = { code: 'invalid' };

describe('the text of the rules', () => {
  const wrong = {
    'another table': 'table inet other {\n}\n',
    'no replacement of the old one': 'table inet caisson {\n\tchain a {\n\t}\n}\n',
    'a second table behind it': `${head}}\ntable ip other {\n}\n`,
    'a command on the last line': `${head}} ; flush ruleset\n}\n`,
    'a brace too many': `${head}\tchain a {\n\t}\n\t}\n\tflush ruleset {\n}\n`,
    'a brace too few': `${head}\tchain a {\n}\n`,
    'an included file': `${head}\tinclude "/etc/shadow"\n}\n`,
    'a variable': `${head}\tchain a {\n\t\tip saddr $x accept\n\t}\n}\n`,
    'a comment that hides a brace': `${head}\tchain a { # }\n\t}\n}\n`,
    'a continued line': `${head}\tchain a {\\\n\t}\n}\n`,
    'a quote that is not closed': `${head}\tchain a {\n\t\tiifname "x accept\n\t}\n}\n`,
    'a quote with a line in it': `${head}\tset a {\n\t\ttype ifname\n\t\telements = { "a\n}\nflush ruleset\n" }\n\t}\n}\n`,
    'a queue to a program': `${head}\tchain a {\n\t\tqueue\n\t}\n}\n`,
    'the same table twice': `${head}}\ntable inet caisson {\n}\n`,
    'the table of another family': `${cleared}table ip caisson {\n}\n`,
    'a log that is not ours': `${head}\tchain a {\n\t\tlog group 5\n\t}\n}\n`,
    'something else than a text': 7,
  };
  for (const [what, table] of Object.entries(wrong))
    test(`is refused with ${what}`, () => assert.throws(() => checkTable(table, 'table'), invalid));

  test('is refused whenever anything stands before or behind it', () => {
    const text = `${head}\tchain a {\n\t\taccept\n\t}\n}\n`;
    assert.equal(checkTable(text, 'table'), text);
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (more) => {
        assert.throws(() => checkTable(more + text, 'table'), invalid);
        assert.throws(() => checkTable(text + more, 'table'), invalid);
      }),
      { seed: 1 },
    );
  });
});

describe('changes of the rules', () => {
  test('are accepted within the tables', () => {
    const text = `flush chain inet caisson judge
delete element inet caisson guests4 { "csgaaaaaaaaaa0" . 52:54:00:00:00:01 . 10.0.0.1 }
add set inet caisson between4 { type ipv4_addr . inet_service ; flags interval ; }
add chain inet caisson input { type filter hook input priority filter; policy accept; }
add rule inet caisson judge ip saddr @between4 limit rate 20/second log prefix "caisson: a " level info
`;
    assert.equal(checkChange(text, 'change'), text);
  });

  for (const line of [
    'flush ruleset',
    'flush table inet caisson',
    'delete table inet caisson',
    'flush chain inet other judge',
    'flush chain inet caisson judge ; flush ruleset',
    'add rule inet caisson judge accept ; flush ruleset',
    'add rule inet caisson judge ip saddr { 10.0.0.1 } accept ; add table ip x',
    'add element inet caisson guests4 { 10.0.0.1 } ; delete table inet caisson ; add element inet caisson guests4 { 10.0.0.1 }',
    'add element ip caisson guests4 { 10.0.0.1 }',
    'insert rule inet caisson judge accept',
    'add rule inet caisson judge queue',
    'add rule inet caisson judge ip saddr $x accept',
    'add rule inet caisson judge accept }',
    'include "/etc/shadow"',
    '',
  ])
    test(`are refused with ${JSON.stringify(line)}`, () => {
      assert.throws(() => checkChange(`flush chain inet caisson judge\n${line}\n`, 'change'), invalid);
    });
});

const nic = {
  uid: 'gaaaaaaaaaa',
  tap: 'csgaaaaaaaaaa0',
  mtu: 1500,
  hostAddresses: ['10.20.0.1/16', 'fe80::1/64'],
  guestAddresses: ['10.20.0.5', 'fd20::5'],
};

describe('nics', () => {
  test('of a guest are accepted', () => {
    assert.deepEqual(checkNicUp({ ...nic, uplink: 'eth1' }, 'nic'), { ...nic, uplink: 'eth1' });
    assert.deepEqual(checkNicDown({ uid: nic.uid, tap: nic.tap, guestAddresses: [] }, 'nic'), {
      uid: nic.uid,
      tap: nic.tap,
      guestAddresses: [],
    });
  });

  const wrong: Record<string, object> = {
    'the tap of another guest': { tap: 'csgbbbbbbbbbb0' },
    'an interface that is no tap': { tap: 'eth0' },
    'a uid of another kind': { uid: 'haaaaaaaaaa', tap: 'cshaaaaaaaaaa0' },
    'two words for an address': { guestAddresses: ['10.20.0.5 dev eth0'] },
    'a line more': { guestAddresses: ['10.20.0.5\nlink del eth0'] },
    'an address with an interface': { guestAddresses: ['fe80::1%eth0'] },
    'a host address without a length': { hostAddresses: ['10.20.0.1'] },
    'a length beyond its family’s': { hostAddresses: ['10.20.0.1/33'] },
    'a mtu of words': { mtu: '1500' },
    'a mtu too small': { mtu: 64 },
    'loopback as uplink': { uplink: 'lo' },
    'a tap as uplink': { uplink: 'csgaaaaaaaaaa0' },
    'an uplink that is a path': { uplink: '../all' },
    'a field more': { alias: true },
  };
  for (const [what, change] of Object.entries(wrong))
    test(`with ${what} are refused`, () => assert.throws(() => checkNicUp({ ...nic, ...change }, 'nic'), invalid));
});

describe('zones', () => {
  test('with ranges and uplinks are accepted, and with anything else refused', () => {
    const zones = {
      zones: [{ subnets: ['192.0.2.0/24', '2001:db8::/64'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } }],
      proxied: [{ interface: 'eth1', address: '192.0.2.10' }],
      listened: [],
    };
    assert.deepEqual(checkZones(zones, 'zones'), zones);
    const tagged = { interface: 'eth1.20', parent: 'eth1', vlan: 20 };
    assert.deepEqual(checkZones({ ...zones, zones: [{ subnets: [], uplink: tagged }] }, 'zones').zones[0]?.uplink, tagged);
    for (const bad of [
      { ...zones, proxied: [{ interface: 'eth1 up', address: '192.0.2.10' }] },
      { ...zones, zones: [{ subnets: ['default'] }] },
      { ...zones, zones: [{ subnets: [], uplink: { interface: 'eth1', gateway: 'x' } }] },
      { ...zones, zones: [{ subnets: [], uplink: { interface: 'eth0', parent: 'eth1', vlan: 20 } }] },
      { ...zones, zones: [{ subnets: [], uplink: { interface: 'eth1.5000', parent: 'eth1', vlan: 5000 } }] },
      { ...zones, zones: [{ subnets: [], bridge: { name: 'docker0', mtu: 1500, hostAddresses: [] } }] },
      { ...zones, zones: {} },
      null,
    ]) {
      assert.throws(() => checkZones(bad, 'zones'), invalid, JSON.stringify(bad));
    }
  });
});

describe('texts for dnsmasq', () => {
  const badConfig = [
    'dhcp-script=/bin/sh',
    'conf-file=/etc/shadow',
    'interface=*',
    'interface=eth0',
    'dhcp-luascript=/x',
    'server=/x/1.2.3.4@eth0',
    'addn-hosts=/etc/shadow',
    'log-facility=/etc/passwd',
    'user=root',
    'port=5353',
    'domain=a b',
    'local=/x/\tserver',
    ' port=53',
    'enable-tftp',
    'bind-dynamic=x',
    'dhcp-option=1,a\u0000',
    '__proto__=x',
    'toString',
  ];
  for (const line of badConfig)
    test(`are refused with the line ${JSON.stringify(line)}`, () =>
      assert.throws(() => checkDnsmasqConfig(`port=53\n${line}\n`, 'config'), invalid));

  test('list nothing but hosts and names', () => {
    for (const line of [
      '52:54:00:00:00:01,10.0.0.5,web,set:x',
      'web',
      '52:54:00:00:00:01,/etc/passwd,web',
      'id:*,10.0.0.1,web',
      '52:54:00:00:00:01,10.0.0.5,web,ignore',
    ])
      assert.throws(() => checkDhcpHosts(line, 'hosts'), invalid, line);
    for (const line of ['10.0.0.5', '10.0.0.5 web\tx', 'web 10.0.0.5', '10.0.0.5 ../x'])
      assert.throws(() => checkNames(line, 'names'), invalid, line);
  });
});

describe('the network’s verbs', () => {
  const folder = mkdtempSync('/tmp/caisson-test-verbs-');
  after(() => rmSync(folder, { recursive: true }));
  // No program may be reached: the namespace does not exist, and every request is refused before.
  const network = createKernelNetwork({ netns: 'cst-absent', folder, userId: 1_899_999_999, log: silentLog });
  const verbs = Object.keys(network) as (keyof typeof network)[];

  test('refuse whatever is not exactly their arguments', async () => {
    const strange = fc.oneof(
      fc.anything(),
      fc.record({
        tap: fc.anything(),
        uid: fc.anything(),
        table: fc.anything(),
        config: fc.anything(),
        zones: fc.anything(),
        more: fc.anything(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...verbs), strange, async (verb, args) => {
        const isEmpty = typeof args === 'object' && args !== null && !Array.isArray(args) && Object.keys(args).length === 0;
        fc.pre(!isEmpty);
        await assert.rejects(network[verb](args as never), invalid);
      }),
      { numRuns: 600, seed: 1 },
    );
  });
});
