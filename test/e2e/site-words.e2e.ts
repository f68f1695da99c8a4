// e2e: limit 20 min
// The words of a site file for networks on a real host: daemon, QEMU, an uplink to this machine. A guest behind the host's address, a port
// of it published, a guest with a nic in two zones; and the filtering check, which tries what is published from the world.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { waitFor } from '../../src/lib/wait-for.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import type { ZoneCheck } from '../../src/model/zone-check.ts';
import { asTheFlowsSay } from '../../src/model/zone-check-line.ts';
import { tinyDisk } from '../tiny-guest/tiny-disk.ts';
import { RealDaemon } from './real-daemon.ts';

const netns = 'cst-words';
/** This machine's end of the uplink: the world. */
const wire = 'cstwords0';
const router = '203.0.113.1';
const host = new RealDaemon(netns);

before(async () => {
  const image = await tinyDisk();
  ip('netns', 'add', netns);
  ip('-n', netns, 'link', 'set', 'lo', 'up');
  ip('link', 'add', wire, 'type', 'veth', 'peer', 'name', 'eth1', 'netns', netns);
  ip('address', 'add', `${router}/24`, 'dev', wire);
  ip('link', 'set', wire, 'up');
  ip('-n', netns, 'address', 'add', '203.0.113.2/24', 'dev', 'eth1');
  ip('-n', netns, 'link', 'set', 'eth1', 'up');
  await host.start();
  const parsed = parseSiteFile(site(image), () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems, null, 1));
  await host.succeed(host.client.call('siteApply', { body: { site: parsed.site } }));
});

after(async () => {
  await host.close();
  ip('link', 'delete', wire);
  ip('netns', 'delete', netns);
});

/** What listens in the guest says what it was sent; it is begun once, by the first readiness check. */
const listens = (port: number) =>
  `[/bin/sh, -c, '[ -e /run/up ] || { : > /run/up; (while :; do nc -l -p ${port} -e cat; done) > /dev/null 2>&1 < /dev/null & }; true']`;

const site = (image: string) => `
version: 1
site: words
zones:
  office:
    subnets: [10.78.1.0/24]
    uplink: { interface: eth1, gateway: ${router} }
    masquerade: true
    publish:
      - { listen: '203.0.113.50:80', to: 'web:7000' }
      - { listen: '203.0.113.2:8080', to: 'web:7000', from: [198.51.100.0/24] }
  inner: { subnets: [10.78.2.0/24] }
flows:
  - { from: web, to: world, allow: [tcp/1-65535] }
  - { from: web, to: vault, allow: [tcp/7001], rate: 100/second, log: true }
images: { tiny: { file: ${image} } }
guests:
  web:
    image: tiny
    nics: [{ zone: office }, { zone: inner }]
    memory: 96MiB
    disks: { root: 64MiB }
    display: none
    service: { ports: [tcp/7000], ready: { command: ${listens(7000)} } }
  vault:
    image: tiny
    zone: inner
    memory: 96MiB
    disks: { root: 64MiB }
    display: none
    service: { ports: [tcp/7001], ready: { command: ${listens(7001)} } }
`;

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

/** What comes back of a text sent to a port, or how that failed. */
function echo(host: string, port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ host, port, timeout: 1500 });
  socket.once('connect', () => socket.write('hello'));
  socket.once('data', (chunk) => resolve(chunk.toString()));
  socket.once('timeout', () => resolve('silent'));
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'));
  return promise.finally(() => socket.destroy());
}

test('a guest with two nics has a tap in each zone, and its addresses by DHCP on the one that is its way out', async () => {
  const { status } = await host.client.call('guestShow', { params: { guest: 'web' } });
  assert.deepEqual(
    status.nics.map(({ zone, addresses }) => [zone, ...addresses]),
    [
      ['office', '10.78.1.10'],
      ['inner', '10.78.2.10'],
    ],
  );
  const links = ip('-n', netns, '-o', 'link');
  for (const { tap, mac } of status.nics) {
    assert.match(links, new RegExp(`${tap}: .*LOWER_UP`));
    await waitFor(
      `whose ${tap} is`,
      () => new RegExp(`dev ${tap} lladdr ${mac}`).test(ip('-n', netns, 'neigh', 'show', 'nud', 'permanent')),
      { timeoutMs: 60_000 },
    );
  }
  await waitFor('the guest answers', () => isTrue(() => ip('netns', 'exec', netns, 'ping', '-c', '1', '-W', '1', '10.78.1.10')), {
    timeoutMs: 60_000,
  });
});

test('a published port leads from the world into the guest, for those whom it is for', async () => {
  assert.equal(await waitFor('an echo', async () => (await echo('203.0.113.50', 80)) === 'hello', { timeoutMs: 60_000 }), true);
  assert.equal(await echo('203.0.113.50', 81), 'silent');
  // The host's own address: what is not published for us there is the host's, which does not listen.
  assert.equal(await echo('203.0.113.2', 8080), 'ECONNREFUSED');
});

test('the filtering check tries what is published, and holds', async () => {
  // Without the control: the tiny guest asks for an address on its first nic only, and would not answer on the other one.
  const job = await host.succeed(host.client.call('zoneCheck', { body: { control: false } }));
  const { checks, ok } = job.result as ZoneCheck;
  assert.deepEqual(
    checks.filter((line) => !asTheFlowsSay(line)),
    [],
  );
  assert.equal(ok, true);
  const published = checks.filter(({ from, address }) => from === 'world' && address === '203.0.113.50');
  assert.deepEqual(
    [...new Set(published.filter(({ expected }) => expected === 'open').map(({ port, got }) => `${port} ${got}`))],
    ['tcp/80 open'],
  );
  assert.ok(published.some(({ expected, got }) => expected === 'refused' && got === 'refused'));
});

test('the audit says that guests leave with the host’s address, and who is let in', async () => {
  const { rules } = await host.client.call('auditShow');
  assert.deepEqual(
    rules.zones.zones.map(({ name, masquerade, bridged, guests }) => [name, masquerade, bridged, guests.join()]),
    [
      ['office', true, false, 'web'],
      ['inner', false, false, 'vault,web'],
    ],
  );
  assert.deepEqual(
    rules.reachability.services.map(({ guest, port, from }) => [guest, port, from.join()]),
    [
      ['vault', 'tcp/7001', 'web'],
      ['web', 'tcp/7000', '198.51.100.0/24,world'],
    ],
  );
  assert.deepEqual(rules.reachability.fromWorld, [
    { guest: 'web', over: [] },
    { guest: 'vault', over: ['web'] },
  ]);
});

test('a nic that is taken out of the site is cut off at once, and gone after the next start', async () => {
  const { site: now } = await host.client.call('siteShow');
  const { tap } = (await host.client.call('guestShow', { params: { guest: 'web' } })).status.nics[1] as { tap: string };
  const web = now.guests['web'] as (typeof now.guests)[string];
  const fewer = { ...now, flows: now.flows.slice(0, 1), guests: { ...now.guests, web: { ...web, nics: web.nics.slice(0, 1) } } };
  await host.succeed(host.client.call('siteApply', { body: { site: fewer, overwrite: true } }));
  assert.doesNotMatch(ip('netns', 'exec', netns, 'nft', 'list', 'table', 'inet', 'caisson'), new RegExp(tap));
  for (const verb of ['guestStop', 'guestStart'] as const) await host.succeed(host.client.call(verb, { params: { guest: 'web' } }));
  assert.doesNotMatch(ip('-n', netns, '-o', 'link'), new RegExp(tap));
  assert.equal(await waitFor('an echo', async () => (await echo('203.0.113.50', 80)) === 'hello', { timeoutMs: 60_000 }), true);
});

function isTrue(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
