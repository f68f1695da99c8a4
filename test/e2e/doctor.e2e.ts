// The doctor on this very machine: it tries for real what needs trying, and leaves nothing behind.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { CheckResult } from '../../src/local/doctor/check.ts';
import { uplinks, type WishedNetwork } from '../../src/local/doctor/check-uplinks.ts';
import { systemHost } from '../../src/local/doctor/host.ts';
import { run } from '../../src/lib/exec.ts';
import type { Zone } from '../../src/model/zone.ts';
import { runDoctor } from '../../src/local/doctor.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-doctor-test-'));
after(() => rmSync(folder, { recursive: true }));

async function examine(host = systemHost(), wished?: WishedNetwork): Promise<Map<string, CheckResult>> {
  const results = new Map<string, CheckResult>();
  const site = wished && { wished: async () => wished };
  for await (const result of runDoctor({ dataDirectory: join(folder, 'not', 'yet'), cacheDirectory: folder, host, ...site }))
    results.set(result.name, result);
  return results;
}

test('on a machine that runs these tests guests can run, and the checks leave nothing', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root');
  const links = () => readdirSync('/sys/class/net').filter((name) => name.startsWith('doctor'));
  const results = await examine();
  for (const name of ['programs', 'qemu', 'kernel', 'links', 'nftables', 'forwarding', 'memory', 'data']) {
    const result = results.get(name);
    assert.notEqual(result?.verdict, 'bad', JSON.stringify(result));
    assert.doesNotMatch(result?.found ?? '', /could not be checked|not checked/);
  }
  assert.deepEqual(links(), []);
  assert.deepEqual(
    readdirSync(tmpdir()).filter((name) => /^caisson-doctor-(?!test)/.test(name)),
    [],
  );
});

test('rules that this kernel refuses are told with what nft said', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root');
  const host = systemHost();
  // As a container without rights over its network would answer.
  const powerless = await examine({
    ...host,
    run: (argv, options) =>
      host.run(argv[0] === 'unshare' ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--reuid=65534', ...argv] : argv, options),
  });
  for (const name of ['links', 'nftables', 'forwarding']) {
    assert.equal(powerless.get(name)?.verdict, 'bad');
    assert.match(powerless.get(name)?.found ?? '', /Operation not permitted/);
  }
});

test('the site’s uplinks are looked at where its guests’ network is, and so are an older firewall’s rules', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root');
  const netns = `cst-doctor-${process.pid}`;
  const ip = async (...lines: string[]) => {
    for (const line of lines) await run(['ip', '-n', netns, ...line.split(' ')]);
  };
  const zone = (more: Partial<Zone>): Zone => ({ subnets: ['192.0.2.0/24'], uplink: { interface: 'eth1', gateway: '192.0.2.1' }, ...more });
  const asked = async (...zones: Zone[]) => {
    const named = Object.fromEntries(zones.map((each, index) => [`z${index}`, each]));
    return uplinks(async () => ({ zones: named, netns })).run(systemHost());
  };
  const behind = zone({ subnets: ['10.30.0.0/24'], uplink: { interface: 'eth1' }, masquerade: true });
  assert.match((await asked(zone({}))).found, /namespace cst-doctor-\d+ is not there/);
  await run(['ip', 'netns', 'add', netns]);
  try {
    assert.match((await asked(zone({}))).found, /zone z0: uplink eth1 is not an interface of the guests’ network/);
    await ip('link add eth1 type veth peer name wire');
    assert.deepEqual([(await asked(zone({}))).verdict, (await asked(zone({}))).found], ['warning', 'eth1 of zone z0 is down']);
    await ip('link set eth1 up');
    assert.deepEqual([(await asked(zone({}))).verdict, (await asked(zone({}))).found], ['warning', 'eth1 of zone z0 has no carrier']);
    await ip('link set wire up');
    assert.deepEqual(await asked(zone({}), { subnets: ['10.9.0.0/24'] }), { verdict: 'ok', found: `eth1 (in the namespace ${netns})` });
    // Of several zones each is told.
    const both = await asked(behind, zone({ uplink: { interface: 'eth7' } }));
    assert.equal(both.verdict, 'bad');
    assert.match(both.found, /zone z0: .*has none there: give eth1 an address.*; zone z1: uplink eth7 is not an interface/);
    await ip('address add 203.0.113.2/24 dev eth1');
    assert.match((await asked(behind)).found, /no IPv4 default route goes there/);
    await ip('route add default via 203.0.113.1 dev eth1');
    assert.equal((await asked(behind)).verdict, 'ok');
    await run(['ip', 'netns', 'exec', netns, 'sysctl', '-q', '-w', 'net.ipv6.conf.eth1.disable_ipv6=1']);
    assert.match((await asked(zone({ subnets: ['2001:db8::/64'] }))).found, /IPv6, which the subnet 2001:db8::\/64 needs, is switched off/);
    await ip('link add br0 type bridge', 'link set eth1 master br0');
    assert.match((await asked(zone({}))).found, /uplink eth1 belongs to br0/);
    await run(['ip', 'netns', 'exec', netns, 'ip6tables-legacy', '-P', 'FORWARD', 'DROP']);
    const all = await examine(systemHost(), { zones: { z0: zone({ uplink: { interface: 'br0' } }) }, netns });
    assert.match(all.get('forwarding')?.found ?? '', new RegExp(`ip6tables-legacy filter in the namespace ${netns}`));
    assert.equal(all.get('uplinks')?.verdict, 'warning');
  } finally {
    await run(['ip', 'netns', 'del', netns]);
  }
});
