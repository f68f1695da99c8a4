import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../lib/ids.ts';
import { defaultRestart } from '../model/guest-restart.ts';
import { defaultShutdown } from '../model/guest-shutdown.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestSpec } from '../model/guest.ts';
import { planLiveChanges, type RunningSizes } from './live-changes.ts';
import { newGuestRecord, withDisksOf } from './new-guest.ts';

const spec: GuestSpec = {
  image: 'debian-12',
  nics: [{ zone: 'inside', addresses: [] }],
  labels: {},
  cpus: 2,
  memoryMib: 1024,
  memoryRange: { minMib: 512, maxMib: 2048 },
  disks: { root: { sizeMib: 4096, bus: 'virtio' } },
  firmware: 'bios',
  os: 'linux',
  display: 'none',
  sshKeys: [],
  after: [],
  autostart: true,
  restart: defaultRestart,
  shutdown: defaultShutdown,
};
const created = newGuestRecord('web', spec, {
  random: seededRandom(1),
  machineType: 'pc-q35-7.2',
  cpuModel: 'Nehalem',
  userId: 1_900_000_000,
  now: 0,
  addresses: [['10.20.0.10']],
});
const running: RunningSizes = {
  memory: { boardMib: 512, plugged: { sizeMib: 512, requestedMib: 512, maxMib: 1536 }, balloonMib: 0 },
  cpus: 2,
  maxCpus: 8,
  cpusCanGo: true,
  disks: [0],
  nics: [4],
  ports: [0, 1, 2, 3, 4, 5, 6, 7],
  scsi: false,
};

function plan(change: Partial<GuestSpec>, now: Partial<RunningSizes> = {}, hardware: Partial<GuestRecord['hardware']> = {}) {
  const wished = { ...spec, ...change };
  const record = { ...created, spec: wished, hardware: { ...withDisksOf(created.hardware, created.uid, wished), ...hardware } };
  return planLiveChanges(record, { ...running, ...now });
}

test('a nic that is wished and not there is plugged in, one that is not wished any more is unplugged first', () => {
  const inside = { zone: 'inside', addresses: [] };
  const outside = { zone: 'outside', addresses: [] };
  assert.deepEqual(plan({ nics: [inside, outside] }, {}, { nicSlots: [4, 5] }), {
    actions: [{ kind: 'attach-nic', zone: 'outside', index: 1 }],
    pending: [],
  });
  assert.deepEqual(plan({ nics: [outside] }, { nics: [4, 6] }, { nicSlots: [5] }).actions, [
    { kind: 'detach-nic', slot: 4 },
    { kind: 'detach-nic', slot: 6 },
    { kind: 'attach-nic', zone: 'outside', index: 0 },
  ]);
  assert.deepEqual(plan({ nics: [inside, outside] }, {}, { nicSlots: [4, 8] }), {
    actions: [],
    pending: ['nic in zone outside: at its next start, since all places that it was started with are taken'],
  });
});

test('a nic that stays has its addresses of the start until the next one; one that came since was told none', () => {
  const [card = ''] = created.hardware.macs;
  const told = (addresses: string[]) => planLiveChanges({ ...created, addressesAtStart: { [card]: addresses } }, running).pending;
  assert.deepEqual(told(['10.20.0.10']), []);
  assert.deepEqual(told(['10.20.0.9', '10.20.0.10']), [
    'addresses 10.20.0.9 10.20.0.10 → 10.20.0.10 in zone inside: at its next start, since its system was told the former; what passes is that of the latter already',
  ]);
  const another = { ...created, addressesAtStart: { 'another card': ['10.20.0.9'] } };
  assert.deepEqual(planLiveChanges(another, running).pending, []);
  assert.deepEqual(planLiveChanges({ ...created, addressesAtStart: { [card]: [] } }, { ...running, nics: [], ports: [] }).pending, [
    'nic in zone inside: at its next start, since all places that it was started with are taken',
  ]);
});

test('a guest that has what is wished needs nothing', () => {
  assert.deepEqual(plan({}), { actions: [], pending: [] });
});

test('memory within the range is plugged in and out', () => {
  assert.deepEqual(plan({ memoryMib: 2048 }).actions, [{ kind: 'memory', plugMib: 1536, takenMib: 0 }]);
  assert.deepEqual(plan({ memoryMib: 512 }).actions, [{ kind: 'memory', plugMib: 0, takenMib: 0 }]);
});

test('what was asked and is not there yet is asked again', () => {
  const slow = { boardMib: 512, plugged: { sizeMib: 100, requestedMib: 512, maxMib: 1536 }, balloonMib: 0 };
  assert.deepEqual(plan({}, { memory: slow }).actions, [{ kind: 'memory', plugMib: 512, takenMib: 0 }]);
});

test('a guest that was started with more gives by its balloon, and gets no more than it was started with', () => {
  const board = { boardMib: 1024, balloonMib: 0 };
  assert.deepEqual(plan({ memoryMib: 600 }, { memory: board }).actions, [{ kind: 'memory', takenMib: 424 }]);
  assert.deepEqual(plan({ memoryMib: 2048 }, { memory: board }), {
    actions: [],
    pending: ['memory 1,024 → 2,048 MiB: 1,024 MiB are the most that it can have until its next start'],
  });
  const ballooned = { boardMib: 1024, balloonMib: 424 };
  assert.deepEqual(plan({ memoryMib: 1024 }, { memory: ballooned }).actions, [{ kind: 'memory', takenMib: 0 }]);
});

test('memory without a range, or of old hardware, waits for the next start', () => {
  const board = { memory: { boardMib: 1024, balloonMib: 0 } };
  const { memoryRange: _range, ...fixed } = spec;
  const record = { ...created, spec: { ...fixed, memoryMib: 2048 } };
  assert.deepEqual(planLiveChanges(record, { ...running, ...board }), {
    actions: [],
    pending: ['memory 1,024 → 2,048 MiB: at its next start, since it has no range { min, max }'],
  });
  assert.match(plan({ memoryMib: 2048 }, board, { version: 1 }).pending[0] ?? '', /its hardware is of a version that has no place for it/);
});

test('processors come and go, up to the places that there are', () => {
  assert.deepEqual(plan({ cpus: 1 }).actions, [{ kind: 'cpus', count: 1 }]);
  assert.deepEqual(plan({ cpus: 1 }, { cpusCanGo: false }), {
    actions: [],
    pending: ['processors 2 → 1: at its next start, since emulated processors are not taken from a QEMU that runs'],
  });
  assert.deepEqual(plan({ cpus: 12 }), {
    actions: [{ kind: 'cpus', count: 8 }],
    pending: ['processors 2 → 12: 8 are the most that it can have until its next start'],
  });
});

test('disks are plugged in where there is a place, and unplugged, but never the root disk', () => {
  const more = { ...spec.disks, data: { sizeMib: 1024, bus: 'virtio' as const }, tape: { sizeMib: 1024, bus: 'scsi' as const } };
  assert.deepEqual(plan({ disks: more }), {
    actions: [{ kind: 'attach-disk', name: 'data' }],
    pending: ['disk tape: at its next start, since it runs without a SCSI controller'],
  });
  const { hardware } = { hardware: withDisksOf(created.hardware, created.uid, { ...spec, disks: more }) };
  assert.deepEqual(plan({}, { disks: [0, 1] }, { diskSlots: hardware.diskSlots }).actions, [
    { kind: 'detach-disk', name: 'data', slot: 1 },
  ]);
  assert.deepEqual(plan({ disks: { data: more.data } }, { disks: [0, 1] }, { diskSlots: hardware.diskSlots }).actions, []);
  const full = plan({ disks: more }, { ports: [0] });
  assert.match(full.pending[0] ?? '', /disk data: at its next start, since all places that it was started with are taken/);
});
