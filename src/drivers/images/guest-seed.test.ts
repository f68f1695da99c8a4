// The shell side of the seed is run here with what the TypeScript side writes: both must mean the same.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { run } from '../../lib/exec.ts';
import type { SeedNic } from '../../model/seed-nic.ts';
import { baseFiles } from './debian-base.ts';
import { renderSeed } from './seed.ts';

const slim = baseFiles({ packages: [] }, '00000000-0000-4000-8000-000000000000');
const fixed: SeedNic = {
  mac: '52:54:00:00:00:01',
  dhcp4: false,
  acceptRa: false,
  addresses: ['192.0.2.10/24', '192.0.2.11/24', '2001:db8:1::10/128'],
  routes: [
    { to: '0.0.0.0/0', via: '192.0.2.1', onLink: true },
    { to: '::/0', via: '2001:db8:1::1', onLink: true },
  ],
  rules: [],
  nameServers: ['192.0.2.1', '2001:db8:1::1'],
  searchDomains: ['external.lab'],
};
const dynamic: SeedNic = {
  mac: '52:54:00:00:00:02',
  dhcp4: true,
  acceptRa: true,
  addresses: [],
  routes: [],
  rules: [],
  nameServers: [],
  searchDomains: [],
};

async function networkFiles(t: TestContext, network: SeedNic[]): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-network-'));
  t.after(() => rm(folder, { recursive: true }));
  const config = renderSeed({ instanceId: 'i', hostName: 'h', sshKeys: [], network }).find((file) => file.name === 'network-config');
  await writeFile(join(folder, 'network-config'), config?.content ?? '');
  await writeFile(join(folder, 'awk'), slim['/usr/lib/caisson/seed-network.awk']?.text ?? '');
  await run(['awk', '-v', `folder=${folder}`, '-f', join(folder, 'awk'), join(folder, 'network-config')]);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.network'));
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)));
}

test('fixed addresses, on-link routes and name servers reach systemd-networkd', async (t) => {
  assert.deepEqual(await networkFiles(t, [fixed]), {
    '10-seed-nic0.network': `[Match]
MACAddress=52:54:00:00:00:01

[Network]
DHCP=no
IPv6AcceptRA=no
Address=192.0.2.10/24
Address=192.0.2.11/24
Address=2001:db8:1::10/128
Domains=external.lab
DNS=192.0.2.1
DNS=2001:db8:1::1

[Route]
Gateway=192.0.2.1
Destination=0.0.0.0/0
GatewayOnLink=yes

[Route]
Gateway=2001:db8:1::1
Destination=::/0
GatewayOnLink=yes
`,
  });
});

test('several nics do not mix', async (t) => {
  const files = await networkFiles(t, [fixed, dynamic]);
  assert.deepEqual(Object.keys(files).toSorted(), ['10-seed-nic0.network', '10-seed-nic1.network']);
  assert.equal(
    files['10-seed-nic1.network'],
    '[Match]\nMACAddress=52:54:00:00:00:02\n\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=yes\n\n[DHCPv4]\nUseDomains=yes\n',
  );
});

test('routes of a table and the rules that lead there reach systemd-networkd', async (t) => {
  const second: SeedNic = {
    ...fixed,
    addresses: ['10.20.0.10/16', 'fd20::10/128'],
    routes: [
      { to: 'fd20::/64', via: 'fe80::1', onLink: true },
      { to: '10.20.0.0/16', onLink: false, table: 102 },
      { to: '0.0.0.0/0', via: '10.20.0.1', onLink: true, table: 102 },
    ],
    rules: [
      { from: '10.20.0.10', table: 102 },
      { from: 'fd20::10', table: 102 },
    ],
  };
  const text = (await networkFiles(t, [second]))['10-seed-nic0.network'] ?? '';
  assert.equal(
    text.slice(text.indexOf('[Route]')),
    `[Route]
Gateway=fe80::1
Destination=fd20::/64
GatewayOnLink=yes

[Route]
Destination=10.20.0.0/16
Scope=link
Table=102

[Route]
Gateway=10.20.0.1
Destination=0.0.0.0/0
GatewayOnLink=yes
Table=102

[RoutingPolicyRule]
From=10.20.0.10
Table=102

[RoutingPolicyRule]
From=fd20::10
Table=102
`,
  );
});

test('a seed without nics leaves the network to the image', async (t) => {
  assert.deepEqual(await networkFiles(t, []), {});
});

test('every script of an image is valid shell', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-scripts-'));
  t.after(() => rm(folder, { recursive: true }));
  const scripts = Object.entries({ ...slim, ...baseFiles({ packages: ['cloud-init'] }, '0') }).filter(([, file]) =>
    file.text.startsWith('#!/bin/sh'),
  );
  assert.ok(scripts.length >= 6);
  for (const [path, file] of scripts) {
    await writeFile(join(folder, 'script'), file.text);
    await assert.doesNotReject(run(['sh', '-n', join(folder, 'script')]), path);
    assert.equal(file.mode, '0755', path);
  }
});
