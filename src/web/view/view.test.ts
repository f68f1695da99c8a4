import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../model/event.ts';
import type { FlowView } from '../../model/flow-view.ts';
import type { GuestStats } from '../../model/guest-stats.ts';
import type { Guest } from '../../model/guest-status.ts';
import type { Host } from '../../model/host.ts';
import { capacityOf, diskGrowth } from './capacity.ts';
import { changesSince } from './changes.ts';
import { guestCommand, shellCommand } from './command.ts';
import { filterGuests, sortGuests } from './filter-guests.ts';
import { arrowsOf, differencesOf, neighbours, portToAsk } from './flow-map.ts';
import { hostLoad } from './host-load.ts';
import { needsYou } from './needs-you.ts';
import { programName } from './program-name.ts';
import { mostOf, nearest, pathOf, plotsOf, roundUp } from './plot.ts';

function guest(
  name: string,
  more: { power?: Guest['status']['power']; ready?: boolean; zone?: string; reason?: string; memoryMib?: number } = {},
): Guest {
  const { power = 'running', ready = true, zone = 'dmz', reason = '', memoryMib = 512 } = more;
  return {
    name,
    wantedPower: power === 'stopped' ? 'stopped' : 'running',
    spec: { nics: [{ zone, addresses: [] }], labels: { role: 'front' }, image: 'debian-12', cpus: 1, memoryMib },
    status: { power, ready, reason, nics: [], has: power === 'running' ? { memoryMib, promisedMib: memoryMib, cpus: 1 } : undefined },
  } as unknown as Guest;
}

test('a filter finds by every word, by state and by zone', () => {
  const all = [guest('web-1'), guest('web-2', { ready: false }), guest('db', { zone: 'internal', power: 'stopped' })];
  const names = (filter: string) => filterGuests(all, filter).map(({ name }) => name);
  assert.deepEqual(names(''), ['web-1', 'web-2', 'db']);
  assert.deepEqual(names('WEB ready'), ['web-1', 'web-2']);
  assert.deepEqual(names('not ready'), ['web-2']);
  assert.deepEqual(names('state:ready'), ['web-1']);
  assert.deepEqual(names('zone:internal role=front'), ['db']);
  assert.deepEqual(names('nothing'), []);
});

test('what wants attention stands first, and numbers in names count', () => {
  const all = [guest('g10'), guest('g2'), guest('bad', { power: 'crashed' }), guest('slow', { ready: false })];
  const order = (column: 'state' | 'name', descending = false) => sortGuests(all, { column, descending }).map(({ name }) => name);
  assert.deepEqual(order('state'), ['bad', 'slow', 'g2', 'g10']);
  assert.deepEqual(order('name', true), ['slow', 'g10', 'g2', 'bad']);
});

test('a disk that runs full is told among what needs somebody, in the engine’s words', () => {
  const host = {
    network: { rulesInForce: true, warnings: [] },
    guests: { defined: 1 },
    disks: [{ path: '/a' }, { path: '/b', problem: 'little is left' }],
  };
  assert.deepEqual(
    needsYou([guest('ok'), guest('dead', { power: 'crashed' })], host as unknown as Host, undefined).map(({ about, tone, why }) => [
      about,
      tone,
      why,
    ]),
    [
      ['guest', 'red', ''],
      ['disk', 'amber', 'little is left'],
    ],
  );
});

test('what the disks of guests may still take is what they have not taken', () => {
  const withDisks = (...disks: object[]) => ({ ...guest('web'), status: { disks } }) as unknown as Guest;
  assert.equal(
    diskGrowth([withDisks({ sizeBytes: 100, allocatedBytes: 30 }, { sizeBytes: 50 }), withDisks({ sizeBytes: 10, allocatedBytes: 12 })]),
    120,
  );
});

test('a guest stopped on purpose needs nobody; one that fell does, with the engine’s sentence', () => {
  const needs = needsYou(
    [
      guest('ok'),
      guest('off', { power: 'stopped' }),
      guest('slow', { ready: false, reason: 'TCP 25 refused' }),
      guest('dead', { power: 'crashed' }),
    ],
    undefined,
    undefined,
  );
  assert.deepEqual(
    needs.map(({ guest: one, tone, why }) => [one?.name, tone, why]),
    [
      ['dead', 'red', ''],
      ['slow', 'amber', 'TCP 25 refused'],
    ],
  );
});

test('room is told in guests of the usual size, QEMU’s own memory counted', () => {
  const memory = { totalMib: 4096, reserveMib: 1024, promisedMib: 1500, freeMib: 1572 };
  const host = { memory, guests: { defined: 2, running: 2, ready: 2 } };
  assert.deepEqual(capacityOf(host, [guest('a'), guest('b')]).roomFor, { guests: 2, memoryMib: 512 });
  assert.equal(capacityOf(host, []).roomFor, undefined);
});

test('the same to the same is told once, and what is older than asked not at all', () => {
  const event = (id: number, kind: Event['kind'], object: string, severity: Event['severity'] = 'info'): Event => ({
    id,
    time: new Date(id * 1000).toISOString(),
    kind,
    severity,
    message: `${kind} ${id}`,
    object,
  });
  const changes = changesSince(
    [
      event(1, 'guest-created', 'guest/a'),
      event(5, 'guest-crashed', 'guest/a', 'error'),
      event(6, 'guest-ready', 'guest/a'),
      event(7, 'guest-crashed', 'guest/a', 'error'),
      event(8, 'guest-created', 'guest/b'),
    ],
    4000,
  );
  assert.deepEqual(
    changes.map(({ event: { id }, mark, count }) => [id, mark, count]),
    [
      [8, '+', 1],
      [7, '■', 2],
    ],
  );
});

test('a command can be pasted whatever the name', () => {
  assert.equal(guestCommand('stop', 'web'), 'caisson guest stop web');
  assert.equal(shellCommand(['a', "it's; rm -rf"]), `a 'it'\\''s; rm -rf'`);
});

test('arrows join what the flows stand for, and ranges beyond the zones are the world', () => {
  const flow = (from: string, to: string, allow: string[], sources: string[], targets: string[]): FlowView => ({
    from,
    to,
    allow,
    sources,
    targets,
  });
  const arrows = arrowsOf(
    [
      flow('world', 'web', ['tcp/80'], [], ['web']),
      flow('203.0.113.0/24', 'web', ['tcp/22'], [], ['web']),
      flow('zone:dmz', 'db', ['tcp/3306'], ['web', 'db'], ['db']),
      flow('label:role=none', 'db', ['tcp/1'], [], ['db']),
    ],
    [],
  );
  assert.deepEqual(
    arrows.map(({ from, to, ports }) => [from, to, ports.join()]),
    [
      ['world', 'web', 'tcp/80,tcp/22'],
      ['web', 'db', 'tcp/3306'],
    ],
  );
  const line = { from: 'web', to: 'jail', address: '', port: 'tcp/22', expected: 'refused' } as const;
  assert.deepEqual(
    differencesOf({
      checks: [
        { ...line, got: 'refused' },
        { ...line, got: 'unknown' },
      ],
    }),
    [],
  );
  assert.deepEqual(
    differencesOf({
      checks: [
        { ...line, got: 'open' },
        { ...line, port: 'tcp/80', got: 'open' },
      ],
    }),
    [{ from: 'web', to: 'jail', ports: ['tcp/22', 'tcp/80'], by: [] }],
  );
  assert.deepEqual([...neighbours('web', arrows)].toSorted(), ['db', 'web', 'world']);
  assert.equal(portToAsk('world', 'db', arrows, ['tcp/3306']), 'tcp/3306');
  assert.equal(portToAsk('world', 'db', arrows, []), 'tcp/80');
});

test('the load of the host is that of its guests between two looks', () => {
  const look = (seconds: number, cpuMs: Record<string, number>) =>
    Object.entries(cpuMs).map(([uid, ms]) => ({ uid, at: new Date(seconds * 1000).toISOString(), cpuMs: ms })) as unknown as GuestStats[];
  assert.equal(hostLoad(look(0, { a: 0, b: 1000 }), look(10, { a: 5000, b: 16_000 }), 4), 0.5);
  assert.equal(hostLoad(look(0, { a: 9000 }), look(10, { a: 100, c: 5 }), 4), 0, 'started anew');
  assert.equal(hostLoad([], look(10, { a: 100 }), 4), undefined);
});

test('figures of an axis are round, and a line breaks where nothing was measured', () => {
  assert.deepEqual(
    [0, 0.3, 1, 1.2, 37].map((value) => roundUp(value, 'processors')),
    [1, 0.5, 1, 2, 50],
  );
  assert.equal(roundUp(300, 'mib'), 512);
  const figures = { mean: 250, p99: 300, max: 400 };
  const usage = (time: number) => ({
    time,
    minutes: 1,
    cpuPermille: figures,
    costMib: figures,
    readKib: 60,
    writtenKib: 0,
    receivedKib: 0,
    sentKib: 0,
  });
  const plots = plotsOf([usage(0), usage(60_000), usage(600_000)], { cpus: 1, memoryMib: 512 });
  const [cpu, memory, disk] = plots;
  assert.ok(cpu && memory && disk);
  assert.equal(mostOf(cpu), 0.5, 'far from its limit');
  assert.equal(mostOf(memory), 512);
  assert.equal(disk.series[0]?.points[0]?.value, 1);
  const path = pathOf(
    cpu.series[0]?.points ?? [],
    (time) => time / 60_000,
    (value) => value,
    90_000,
  );
  assert.equal(path, 'M0.0 0.3h.01L1.0 0.3M10.0 0.3h.01');
  assert.equal(nearest(cpu.series[0]?.points ?? [], 70_000, 60_000)?.time, 60_000);
  assert.equal(nearest(cpu.series[0]?.points ?? [], 300_000, 60_000), undefined);
});

test('many of a kind are told by one of them, but each failure for itself', () => {
  const event = (id: number, kind: Event['kind'], severity: Event['severity']): Event => ({
    id,
    time: new Date(id * 1000).toISOString(),
    kind,
    severity,
    message: '',
    object: `guest/${id}`,
  });
  const created = [1, 2, 3, 4, 5].map((id) => event(id, 'guest-created', 'info'));
  const crashed = [6, 7, 8, 9].map((id) => event(id, 'guest-crashed', 'error'));
  assert.deepEqual(
    changesSince([...created, ...crashed], 0).map(({ event: { id }, others }) => [id, others]),
    [
      [9, 0],
      [8, 0],
      [7, 0],
      [6, 0],
      [5, 4],
    ],
  );
});

test('a browser is known by its own name, not by those that it says it is like', () => {
  const webKit = 'AppleWebKit/537.36 (KHTML, like Gecko)';
  assert.deepEqual(programName(`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webKit} Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0`), {
    browser: 'Edge',
    system: 'Windows',
  });
  assert.deepEqual(programName(`Mozilla/5.0 (Linux; Android 10; K) ${webKit} Chrome/140.0.0.0 Mobile Safari/537.36`), {
    browser: 'Chrome',
    system: 'Android',
  });
  assert.deepEqual(programName('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'), {
    browser: 'Firefox',
    system: 'Linux',
  });
  assert.deepEqual(
    programName('Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile Safari/604.1'),
    {
      browser: 'Safari',
      system: 'iOS',
    },
  );
  assert.equal(programName('curl/8.0'), undefined);
  assert.equal(programName(''), undefined);
});
