import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../lib/ids.ts';
import type { GuestSpec } from '../model/guest.ts';
import type { Zone } from '../model/zone.ts';
import { memoryAtStart } from './machine.ts';
import { completeAddresses, newGuestRecord, withDisksOf } from './new-guest.ts';
import { defaultRestart } from '../model/guest-restart.ts';
import { defaultShutdown } from '../model/guest-shutdown.ts';

const spec: GuestSpec = {
  image: 'debian-12',
  zone: 'external',
  addresses: [],
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
const zone: Zone = { subnets: ['192.0.2.0/24', '2001:db8:1::/64'], uplink: { interface: 'eth1', gateway: '192.0.2.1' } };
const context = { machineType: 'pc-q35-7.2', cpuModel: 'Nehalem', userId: 1_900_000_000, now: 0, zone, taken: new Set<string>() };

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

test('each family of the zone gets an address; the router and taken ones are left out', () => {
  const taken = new Set(['192.0.2.10', '192.0.2.11']);
  assert.deepEqual(completeAddresses('web', spec, zone, taken), ['192.0.2.12', '2001:db8:1::a']);
  assert.deepEqual(completeAddresses('web', { ...spec, addresses: ['192.0.2.77'] }, zone, taken), ['192.0.2.77', '2001:db8:1::a']);
});

test('an address from the pool is kept for the life of the guest', () => {
  assert.deepEqual(completeAddresses('web', spec, zone, new Set(), ['192.0.2.99', '2001:db8:1::99']), ['192.0.2.99', '2001:db8:1::99']);
});

test('a zone without a free address refuses by name', () => {
  const small: Zone = { subnets: ['10.0.0.0/30'] };
  assert.deepEqual(completeAddresses('a', spec, small, new Set()), ['10.0.0.2']);
  assert.throws(
    () => completeAddresses('b', spec, small, new Set(['10.0.0.2'])),
    /zone “external” has no free IPv4 address for guest “b” \(10\.0\.0\.0\/30 is full\)/,
  );
});
