import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../lib/ids.ts';
import type { GuestSpec } from '../model/guest.ts';
import { memoryAtStart } from './machine.ts';
import { newGuestRecord, withDisksOf, withNicsOf } from './new-guest.ts';
import { defaultRestart } from '../model/guest-restart.ts';
import { defaultShutdown } from '../model/guest-shutdown.ts';

const spec: GuestSpec = {
  image: 'debian-12',
  nics: [{ zone: 'external', addresses: [] }],
  labels: {},
  cpus: 1,
  memoryMib: 512,
  disks: { root: { sizeMib: 4096, bus: 'virtio' }, data: { sizeMib: 1024, bus: 'virtio' } },
  firmware: 'bios',
  os: 'linux',
  display: 'none',
  sshKeys: [],
  after: [],
  autostart: true,
  restart: defaultRestart,
  shutdown: defaultShutdown,
};
const context = { machineType: 'pc-q35-7.2', cpuModel: 'Nehalem', userId: 1_900_000_000, now: 0, addresses: [['192.0.2.10']] };

test('a new guest gets hardware for life: root disk first, no two things in one slot', () => {
  const { hardware, wantedPower } = newGuestRecord('web', spec, { ...context, random: seededRandom(1) });
  assert.equal(hardware.diskSlots['root'], 0);
  const slots = [...Object.values(hardware.diskSlots), ...hardware.nicSlots];
  assert.equal(new Set(slots).size, slots.length);
  assert.ok(Object.values(hardware.serials).every((serial) => serial.length <= 20));
  assert.equal(wantedPower, 'running');
});

test('memory with a range is plugged in beside what the guest boots with; one that cannot follow boots with all of it', () => {
  const ranged: GuestSpec = { ...spec, memoryMib: 1024, memoryRange: { minMib: 512, maxMib: 2048 } };
  const record = newGuestRecord('web', ranged, { ...context, random: seededRandom(1) });
  assert.deepEqual(memoryAtStart(record), { memoryMib: 512, plugged: { sizeMib: 512, maxMib: 1536 } });
  assert.deepEqual(memoryAtStart({ ...record, memoryFollows: false }), { memoryMib: 1024, plugged: { sizeMib: 0, maxMib: 1024 } });
  // Linux takes whole blocks of 128 MiB of the place.
  const odd = { ...ranged, memoryMib: 700, memoryRange: { minMib: 512, maxMib: 900 } };
  assert.deepEqual(memoryAtStart({ ...record, spec: odd }), { memoryMib: 512, plugged: { sizeMib: 188, maxMib: 512 } });
  assert.deepEqual(memoryAtStart({ ...record, spec: { ...ranged, os: 'windows' } }), { memoryMib: 1024 });
  assert.deepEqual(memoryAtStart({ ...record, hardware: { ...record.hardware, version: 1 } }), { memoryMib: 1024 });
  assert.deepEqual(memoryAtStart({ ...record, spec }), { memoryMib: 512 });
});

test('a disk that is added later takes a free slot and moves nothing', () => {
  const { uid, hardware } = newGuestRecord('web', spec, { ...context, random: seededRandom(1) });
  const more = withDisksOf(hardware, uid, { ...spec, disks: { ...spec.disks, archive: { sizeMib: 10, bus: 'virtio' } } });
  assert.deepEqual({ ...more.diskSlots, archive: undefined }, { ...hardware.diskSlots, archive: undefined });
  assert.ok(!Object.values(hardware.diskSlots).includes(more.diskSlots['archive'] as number));
});

test('a place of a disk that was taken out stays its own', () => {
  const { uid, hardware } = newGuestRecord('web', spec, { ...context, random: seededRandom(1) });
  const { data: _, ...fewer } = spec.disks;
  const without = withDisksOf(hardware, uid, { ...spec, disks: fewer });
  assert.equal(without.diskSlots['data'], hardware.diskSlots['data']);
});

test('several nics take the second half of the first eight ports in order; what stays in its zone keeps card, place and tap', () => {
  const nics = (...zones: string[]): GuestSpec => ({ ...spec, nics: zones.map((zone) => ({ zone, addresses: [] })) });
  const random = seededRandom(1);
  const three = newGuestRecord('web', nics('a', 'b', 'c'), { ...context, random }).hardware;
  assert.deepEqual([three.nicSlots, three.nicNumbers, three.diskSlots['root']], [[4, 5, 6], [0, 1, 2], 0]);
  assert.equal(new Set(three.macs).size, 3);
  // Without the first one, in another order, with a new one: the new one takes over what the first one leaves.
  const [a, b, c] = three.macs;
  const other = withNicsOf(three, nics('a', 'b', 'c').nics, nics('c', 'd', 'b'), random);
  assert.deepEqual(
    [other.macs, other.nicSlots, other.nicNumbers],
    [
      [c, a, b],
      [6, 4, 5],
      [2, 0, 1],
    ],
  );
  // One goes away: the others stay what they are; one that comes again is a new card, behind them.
  const fewer = withNicsOf(three, nics('a', 'b', 'c').nics, nics('b', 'c'), random);
  assert.deepEqual(
    [fewer.macs, fewer.nicNumbers],
    [
      [b, c],
      [1, 2],
    ],
  );
  const again = withNicsOf(fewer, nics('b', 'c').nics, nics('b', 'c', 'a'), random);
  assert.deepEqual(
    [again.nicSlots, again.nicNumbers],
    [
      [5, 6, 7],
      [1, 2, 0],
    ],
  );
  assert.ok(!three.macs.includes(again.macs[2] ?? ''));
});

test('a guest of one nic that moves to another zone has its card still', () => {
  const { hardware } = newGuestRecord('web', spec, { ...context, random: seededRandom(1) });
  const moved = withNicsOf(hardware, spec.nics, { ...spec, nics: [{ zone: 'internal', addresses: [] }] }, seededRandom(2));
  assert.deepEqual(moved, hardware);
});
