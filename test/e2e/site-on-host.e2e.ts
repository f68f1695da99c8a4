// e2e: limit 20 min
// A site of tiny guests on a real host, from the file to the running service: daemon and helper, QEMU, nftables, dnsmasq. The guests
// ask for their addresses by DHCP, as any image does that cannot read a seed. Whatever dies beside them, they run on.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import type { Site } from '../../src/model/site.ts';
import type { ZoneCheck } from '../../src/model/zone-check.ts';
import { asTheFlowsSay } from '../../src/model/zone-check-line.ts';
import { tinyDisk } from '../tiny-guest/tiny-disk.ts';
import { RealDaemon } from './real-daemon.ts';

/** Everything here is emulated, on a machine that does other things as well. */
const patientMs = 200_000;
const host = new RealDaemon('cst-site');
let image = '';

before(async () => {
  image = await tinyDisk();
  await host.start();
});
after(() => host.close());

function site(change: (text: string) => string = (text) => text): Site {
  const text = `
version: 1
site: tiny
zones:
  one: { subnets: [10.77.1.0/24] }
  two: { subnets: [10.77.2.0/24] }
flows:
  - { from: b, to: a, allow: [tcp/4000] }
images: { tiny: { file: ${image} } }
guests:
  a:
    image: tiny
    zone: one
    addresses: [10.77.1.10]
    memory: 96MiB
    disks: { root: 64MiB, data: 10MiB }
    display: none
    service: { ports: [tcp/4000], ready: { agent: true } }
  b:
    image: tiny
    zone: two
    addresses: [10.77.2.10]
    memory: 96MiB
    disks: { root: 64MiB }
    display: none
    service: { ready: { command: [/bin/true] } }
    after: [{ requires: a }]
`;
  const parsed = parseSiteFile(change(text), () => undefined);
  if ('problems' in parsed) assert.fail(JSON.stringify(parsed.problems));
  return parsed.site;
}

async function guest(name: string): Promise<Guest> {
  return host.client.call('guestShow', { params: { guest: name } });
}

function inNetwork(...argv: string[]): string {
  return execFileSync('ip', ['netns', 'exec', host.netns, ...argv], { encoding: 'utf8' });
}

test('apply builds everything from the file and ends when every service is ready, in order', async () => {
  await host.succeed(host.client.call('siteApply', { body: { site: site() } }));
  const [a, b] = await Promise.all([guest('a'), guest('b')]);
  assert.ok(a.status.ready && b.status.ready);
  assert.ok(Date.parse(b.status.startedAt as string) >= Date.parse(a.status.readyAt as string), 'b was started before a was ready');
  assert.deepEqual(
    a.status.disks.map(({ name, path }) => [name, existsSync(path)]),
    [
      ['root', true],
      ['data', true],
    ],
  );
});

test('a guest without a seed reader gets its address by DHCP, and the host reaches it', async () => {
  await waitFor('an answer to ping', () => isTrue(() => inNetwork('ping', '-c', '1', '-W', '1', '10.77.1.10')), { timeoutMs: patientMs });
});

test('every QEMU is its own user, without rights, in a network of its own', async () => {
  const users = new Set<number>();
  for (const { status, userId } of [await guest('a'), await guest('b')]) {
    const text = execFileSync('cat', [`/proc/${status.pid}/status`], { encoding: 'utf8' });
    assert.match(text, new RegExp(`^Uid:\\t${userId}\\t${userId}\\t`, 'm'));
    assert.match(text, /^CapEff:\t0+$/m);
    assert.match(text, /^NoNewPrivs:\t1$/m);
    assert.match(text, /^Seccomp:\t2$/m);
    assert.equal(statSync(status.disks[0]?.path ?? '').uid, userId);
    users.add(userId);
  }
  assert.equal(users.size, 2);
});

test('the audit finds both processes cut off, looks into both guests, and misses what is not there', async () => {
  const { rules, site: name } = await host.client.call('auditShow');
  assert.equal(name, 'tiny');
  const found = Object.values(rules).flatMap((rule) => rule.findings.map(({ code, about }) => [code, ...about].join(' ')));
  const ofTheMachine = ['emulated a b', 'processor-weaknesses'];
  assert.deepEqual(
    found.filter((each) => !ofTheMachine.includes(each)),
    ['no-external-zone', 'nothing-declared b', 'declared-silent a', 'never-checked', 'filtering-not-shown'],
  );
  const [a, b] = [await guest('a'), await guest('b')];
  assert.deepEqual(
    rules.isolation.guests.map(({ name: each, process }) => [each, process.pid, process.userIds[0]]),
    [a, b].map(({ name: each, status, userId }) => [each, status.pid, userId]),
  );
  for (const { process } of rules.isolation.guests) {
    assert.notEqual(process.mergeable, true);
    assert.deepEqual(process.limits.cpuWeight, 100);
    assert.ok((process.limits.memoryBytes ?? 0) > 96 * 1024 * 1024);
  }
  assert.deepEqual(rules.reachability.services, [{ guest: 'a', port: 'tcp/4000', from: ['b'] }]);
});

test('a second apply changes nothing', async () => {
  const before = [(await guest('a')).status.pid, (await guest('b')).status.pid];
  const job = await host.succeed(host.client.call('siteApply', { body: { site: site() } }));
  assert.deepEqual((job.result as { changes: string[] }).changes, []);
  assert.deepEqual([(await guest('a')).status.pid, (await guest('b')).status.pid], before);
});

test('the filtering is tried from a probe in each zone, which is filtered as a guest and leaves nothing', async () => {
  const links = () =>
    inNetwork('ip', '-o', 'link')
      .match(/csg\w+/g)
      ?.toSorted();
  const before = links();
  const check = async () => {
    const job = await host.succeed(host.client.call('zoneCheck', { body: {} }));
    return job.result as ZoneCheck;
  };
  const found = await check();
  const wrong = found.checks.filter((line) => !asTheFlowsSay(line));
  assert.deepEqual(wrong, []);
  assert.equal(found.ok, true);
  assert.deepEqual(found.rules?.differences, []);
  assert.deepEqual([...new Set(found.checks.map(({ from }) => from))].toSorted(), ['zone:one', 'zone:two']);
  assert.deepEqual(found.untried.map(({ from }) => from).toSorted(), ['a', 'b']);
  assert.deepEqual([found.control?.sawItOpen, found.control?.sawItClosedAgain], [true, true]);
  assert.deepEqual(links(), before);
  // Another’s table that refuses what we open: the control is not seen.
  inNetwork('nft', 'add table inet other');
  inNetwork('nft', 'add chain inet other forward { type filter hook forward priority 10 ; policy drop ; }');
  try {
    const blind = await check();
    assert.deepEqual([blind.ok, blind.control?.sawItOpen], [false, false]);
  } finally {
    inNetwork('nft', 'delete', 'table', 'inet', 'other');
  }
});

test('daemon and helper killed at once: the guests run on, no packet to them is lost, and the next daemon takes them over', async () => {
  const before = [await guest('a'), await guest('b')];
  const stream = spawn('ip', ['netns', 'exec', host.netns, 'ping', '-n', '-i', '0.1', '10.77.1.10'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  stream.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const answered = () => [...said.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, number]) => Number(number));
  await waitFor('the stream', () => answered().length >= 5, { timeoutMs: patientMs });
  await host.kill();
  await host.start();
  const soFar = answered().length;
  await waitFor('the stream goes on', () => answered().length >= soFar + 5, { timeoutMs: patientMs });
  stream.kill('SIGINT');
  const seen = answered().toSorted((a, b) => a - b);
  assert.deepEqual(
    seen,
    Array.from({ length: seen.length }, (_, index) => index + 1),
    'every packet was answered',
  );
  for (const old of before) {
    const now = await waitFor(`${old.name} ready`, async () => ((await guest(old.name)).status.ready ? guest(old.name) : undefined), {
      timeoutMs: patientMs,
    });
    assert.equal(now.status.pid, old.status.pid);
    // From the kernel's clock ticks, so within a tick of what was said before.
    assert.ok(Math.abs(Date.parse(now.status.startedAt as string) - Date.parse(old.status.startedAt as string)) < 1000);
  }
});

test('a flush of the rules is found and mended, and told', async () => {
  inNetwork('nft', 'flush', 'ruleset');
  await waitFor('the rules are back', () => inNetwork('nft', 'list', 'tables').includes('table inet caisson'), { timeoutMs: patientMs });
  const told = await waitFor(
    'the event',
    async () => (await host.client.call('eventList', { query: { limit: 200 } })).items.find((event) => event.kind === 'network-failed'),
    { timeoutMs: patientMs },
  );
  assert.equal(told.severity, 'error');
  inNetwork('ping', '-c', '1', '-W', '2', '10.77.1.10');
});

describe('what somebody takes away from the network is back, and told:', () => {
  const tapOf = async (name: string) => (await guest(name)).status.nics[0]?.tap ?? '';
  const failures = async () =>
    (await host.client.call('eventList', { query: { limit: 200 } })).items.filter((event) => event.kind === 'network-failed').length;
  const harms: { what: string; harm: (tap: string) => void; isBack: (tap: string) => boolean }[] = [
    {
      what: 'a guest’s route',
      harm: () => inNetwork('ip', 'route', 'del', '10.77.1.10'),
      isBack: (tap) => inNetwork('ip', 'route', 'show', '10.77.1.10').includes(tap),
    },
    {
      what: 'the stop for what no rule has seen',
      harm: () => inNetwork('ip', 'rule', 'del', 'pref', '20102'),
      isBack: () => inNetwork('ip', 'rule', 'show').includes('blackhole'),
    },
    {
      what: 'a tap, put down',
      harm: (tap) => inNetwork('ip', 'link', 'set', tap, 'down'),
      isBack: (tap) => inNetwork('ip', 'link', 'show', 'dev', tap).includes('LOWER_UP'),
    },
    {
      what: 'the name service',
      harm: () => process.kill(nameService(), 'SIGKILL'),
      isBack: () => nameService() > 0,
    },
  ];
  for (const { what, harm, isBack } of harms) {
    test(what, async () => {
      const tap = await tapOf('a');
      const before = await failures();
      const isTold = async () => (await failures()) > before;
      // Again when it came back by the way, with something else that was applied again at that moment: then nobody had missed it.
      for (let tries = 1; tries <= 3 && !(await isTold()); tries++) {
        harm(tap);
        await waitFor('it is back', () => isBack(tap), { timeoutMs: patientMs });
        await waitFor('it is told', isTold, { timeoutMs: 10_000 }).catch((error: unknown) => {
          if (tries === 3) throw error;
        });
      }
      await waitFor('all is well', async () => (await host.client.call('hostShow')).network.problem === undefined, {
        timeoutMs: patientMs,
      });
      inNetwork('ping', '-c', '1', '-W', '2', '10.77.1.10');
    });
  }
});

/** Its process id; 0 while none lives, and while another one starts. */
function nameService(): number {
  const record = join(host.data, 'run/network/dnsmasq.json');
  if (!existsSync(record)) return 0;
  const { pid } = JSON.parse(readFileSync(record, 'utf8')) as { pid: number };
  return existsSync(`/proc/${pid}/exe`) ? pid : 0;
}

test('QEMU killed is a crash that is told; the guest starts again on its own disk', async () => {
  const { uid, status } = await guest('b');
  process.kill(status.pid as number, 'SIGKILL');
  const isTold = async () =>
    (await host.client.call('eventList', { query: { limit: 500 } })).items.some(
      ({ kind, object }) => kind === 'guest-crashed' && object === `guest/${uid}`,
    );
  await waitFor('the crash is told', isTold, { timeoutMs: patientMs });
  const isBack = async () => {
    const now = (await guest('b')).status;
    return now.ready && now.pid !== status.pid;
  };
  await waitFor('it is ready anew', isBack, { timeoutMs: patientMs });
});

test('pause and resume, shutdown by the agent, start, reboot, stop', async () => {
  const { client } = host;
  const params = { guest: 'b' };
  await host.succeed(client.call('guestPause', { params }));
  assert.equal((await guest('b')).status.power, 'paused');
  await host.succeed(client.call('guestResume', { params }));
  const down = await host.succeed(client.call('guestShutdown', { params, body: { timeoutMs: patientMs } }));
  assert.deepEqual(down.result, { way: 'agent' });
  assert.equal((await guest('b')).status.power, 'stopped');
  await host.succeed(client.call('guestStart', { params }));
  await host.succeed(client.call('guestReboot', { params, body: { force: true } }));
  await host.succeed(client.call('guestStop', { params }));
  const { tap } = (await guest('b')).status.nics[0] as { tap: string };
  await waitFor('its tap is gone', () => !inNetwork('ip', '-o', 'link').includes(tap), { timeoutMs: patientMs });
});

test('a guest that is pruned leaves its disk, and nothing else; destroying with its disks leaves nothing', async () => {
  const { uid } = await guest('b');
  const fewer = site((text) => text.replace(/flows:[\s\S]*?images/, 'images').replace(/ {2}b:[\s\S]*/, ''));
  await host.succeed(host.client.call('siteApply', { body: { site: fewer, prune: true } }));
  assert.ok(existsSync(join(host.data, 'guests', uid, 'root.qcow2')));
  assert.ok(!existsSync(join(host.data, 'run', uid)));
  const a = (await guest('a')).uid;
  await host.succeed(host.client.call('siteDestroy', { query: { deleteDisks: 'true' } }));
  assert.ok(!readdirSync(join(host.data, 'guests')).includes(a));
});

function isTrue(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
