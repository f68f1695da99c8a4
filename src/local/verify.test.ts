import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../lib/ids.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { Event } from '../model/event.ts';
import { newGuestRecord } from '../plan/new-guest.ts';
import type { JobRecord } from '../store/journal.ts';
import { sampleSite } from '../../test/daemon/sample-site.ts';
import { checkAll, verifyExitCode } from './verify.ts';
import type { Finding } from './verify/finding.ts';
import type { Machine, SeenProcess } from './verify/machine.ts';
import type { Records } from './verify/records.ts';

const data = '/var/lib/caisson';
const run = '/run/caisson/0123abcd';
const base = 1_900_000_000;
const image = 'ab'.repeat(32);

function guestOf(index: number): GuestRecord {
  const { guests } = sampleSite(2);
  const name = `guest-${index}`;
  const record = newGuestRecord(name, guests[name] as GuestRecord['spec'], {
    random: seededRandom(index + 1),
    machineType: 'pc-q35-7.2',
    cpuModel: 'Nehalem',
    userId: base + index,
    now: 0,
    addresses: [[`10.20.4.${index}`]],
  });
  return { ...record, disksMade: ['root'], imageDigest: image };
}

const [a, b] = [guestOf(0), guestOf(1)];

function processOf(guest: GuestRecord, pid: number): SeenProcess {
  return {
    pid,
    startTime: 7,
    userId: guest.userId,
    program: 'qemu-system-x86_64',
    argv: ['/usr/bin/qemu-system-x86_64', '-chardev', `socket,id=qmp,path=${run}/${guest.uid}/qmp.sock`],
    group: guest.uid,
    disks: [`${data}/guests/${guest.uid}/root.qcow2`],
  };
}

function folderOf(guest: GuestRecord, pid: number): Machine['guests'][number] {
  const { uid, userId } = guest;
  return {
    name: uid,
    files: ['root.qcow2', 'seed.iso', 'console.log', 'qemu.log', 'launch-process.json'].map((name) => ({ name, userId, sizeBytes: 1 })),
    record: { pid, startTime: 7, bootId: 'boot', generation: 1, userId, argv: [] },
  };
}

/** Two guests that run, and nothing else. */
const sound: Machine = {
  dataDirectory: data,
  bootId: 'boot',
  host: { schema: 1, hostId: 'h', userIdBase: base, userIdCount: 4096, runDirectory: run },
  owner: '0123abcd',
  processes: [processOf(a, 100), processOf(b, 200)],
  groups: [a, b].map(({ uid }) => ({ uid, path: `/sys/fs/cgroup/caisson/0123abcd/${uid}`, pids: [1] })),
  taps: [a, b].map(({ uid, userId }) => ({ name: `cs${uid}0`, namespace: 'guests', userId })),
  madeNamespace: { name: 'guests', exists: true },
  names: { pid: 300, startTime: 3 },
  run: ['api.sock', 'jail', 'network', 'netns.json', a.uid, b.uid],
  unfinishedStarts: [],
  data: [
    'api-token',
    'audit-log.sqlite',
    'audit-log.sqlite-wal',
    'daemon.json',
    'guests',
    'host.json',
    'images',
    'journal.sqlite',
    'lock',
    'network',
    'run',
    'store.sqlite',
    'store.sqlite-wal',
  ],
  guests: [folderOf(a, 100), folderOf(b, 200)],
  images: [`${image}.qcow2`, `${image}.json`],
  ranges: [{ base, holder: data }],
  users: [{ name: 'root', id: 0 }],
};

const records: Records = { guests: [a, b], jobs: [], events: [] };

function check(change: Partial<Machine>, now: Partial<Records> = {}): Finding[] {
  return checkAll({ ...sound, ...change }, { ...records, ...now });
}

function event(kind: Event['kind'], uid: string): Event {
  return { id: 1, time: '2026-01-01T00:00:00.000Z', kind, severity: 'info', message: 'guest old was created', object: `guest/${uid}` };
}

function job(kind: JobRecord['kind'], uid: string, input: unknown = {}): JobRecord {
  return {
    uid: 'jaaaaaaaaaa',
    kind,
    title: '',
    state: 'succeeded',
    steps: [],
    startedAt: '2026-01-02T00:00:00.000Z',
    endedAt: '2026-01-02T00:00:00.000Z',
    actor: 'local',
    objects: [`guest/${uid}`],
    input,
  };
}

test('where everything is somebody’s, nothing is found', () => {
  assert.deepEqual(check({}), []);
  const names: SeenProcess = {
    pid: 300,
    startTime: 3,
    userId: base + 4095,
    program: 'dnsmasq',
    argv: [`--conf-file=${run}/network/dnsmasq.conf`],
    disks: [],
  };
  assert.deepEqual(check({ processes: [...sound.processes, names] }), []);
});

const stray = 'gaaaaaaaaaa';
const worse: readonly [string, () => Finding[], RegExp, 'warning' | 'bad'][] = [
  [
    'a QEMU that nobody knows',
    () => check({ processes: [...sound.processes, { ...processOf(a, 9), group: stray, disks: [], userId: base + 9 }] }),
    /process 9 runs guest gaaaaaaaaaa, which the site does not know/,
    'bad',
  ],
  [
    'a QEMU in no control group',
    () => check({ processes: [{ ...processOf(a, 100), group: undefined } as never, processOf(b, 200)] }),
    /process 100 of guest guest-0 runs without limits/,
    'bad',
  ],
  [
    'a QEMU of another user',
    () => check({ processes: [{ ...processOf(a, 100), userId: 0 }, processOf(b, 200)] }),
    /runs as user 0, not as its own/,
    'bad',
  ],
  [
    'a guest that runs twice',
    () => check({ processes: [...sound.processes, { ...processOf(a, 101), disks: [] }] }),
    /guest guest-0 runs 2 times: processes 100, 101/,
    'bad',
  ],
  [
    'two guests with one disk',
    () => check({ processes: [processOf(a, 100), { ...processOf(b, 200), disks: processOf(a, 0).disks }] }),
    /root\.qcow2 of guest guest-0 is written by 2 processes: 100, 200/,
    'bad',
  ],
  [
    'a stranger who writes the disk of a guest that is down',
    () =>
      check({
        processes: [processOf(b, 200), { pid: 5, startTime: 1, userId: 0, program: 'qemu-nbd', argv: [], disks: processOf(a, 0).disks }],
        taps: [],
      }),
    /is open for writing in process 5 \(qemu-nbd\)/,
    'bad',
  ],
  [
    'a process id that was used again',
    () => check({ guests: [{ ...folderOf(a, 100), record: { ...folderOf(a, 100).record, startTime: 6 } as never }, folderOf(b, 200)] }),
    /process 100 of guest guest-0 is not the one of its launch record/,
    'bad',
  ],
  [
    'a store that is older than a guest',
    () => check({ guests: [{ ...folderOf(a, 100), record: { ...folderOf(a, 100).record, generation: 2 } as never }, folderOf(b, 200)] }),
    /started with generation 2, and the store knows 1/,
    'bad',
  ],
  [
    'a name service that no helper knows',
    () =>
      check({
        processes: [
          ...sound.processes,
          { pid: 7, startTime: 1, userId: base + 4095, program: 'dnsmasq', argv: [`--conf-file=${run}/network/dnsmasq.conf`], disks: [] },
        ],
      }),
    /process 7 \(dnsmasq\)/,
    'warning',
  ],
  [
    'a process of a guest’s user',
    () => check({ processes: [...sound.processes, { pid: 8, startTime: 1, userId: base + 5, program: 'sh', argv: [], disks: [] }] }),
    /process 8 \(sh\) runs as user 1900000005/,
    'warning',
  ],
  [
    'a control group of nobody',
    () => check({ groups: [...sound.groups, { uid: stray, path: '/sys/fs/cgroup/x', pids: [] }] }),
    /control group \/sys\/fs\/cgroup\/x is of gaaaaaaaaaa/,
    'warning',
  ],
  [
    'a tap of a guest that is down',
    () => check({ taps: [...sound.taps, { name: `cs${stray}0`, namespace: 'guests', userId: base + 3 }] }),
    /tap csgaaaaaaaaaa0 in namespace guests is left/,
    'warning',
  ],
  ['a run directory that was wiped', () => check({ run: undefined } as never), /0123abcd is gone while 2 guests run/, 'bad'],
  [
    'a socket folder that was wiped',
    () => check({ run: ['jail', 'network', a.uid] }),
    new RegExp(`${b.uid} is gone while guest ${b.uid} runs`),
    'bad',
  ],
  ['a socket folder of nobody', () => check({ run: [...(sound.run ?? []), stray] }), /gaaaaaaaaaa belongs to nobody/, 'warning'],
  [
    'a start that did not come to its end',
    () => check({ unfinishedStarts: [`${run}/jail/x.fstab`] }),
    /x\.fstab is left of a start/,
    'warning',
  ],
  ['a namespace that is gone', () => check({ madeNamespace: { name: 'guests', exists: false } }), /namespace guests is gone/, 'bad'],
  ['a file of nobody', () => check({ data: [...sound.data, 'thesis.tex'] }), /thesis\.tex belongs to nobody/, 'warning'],
  [
    'a file that was never finished',
    () => check({ data: [...sound.data, 'host.json.new'] }),
    /host\.json\.new belongs to nobody/,
    'warning',
  ],
  [
    'a disk of another user',
    () => check({ guests: [{ ...folderOf(a, 100), files: [{ name: 'root.qcow2', userId: 0, sizeBytes: 1 }] }, folderOf(b, 200)] }),
    /root\.qcow2 belongs to user 0, not to guest guest-0’s/,
    'bad',
  ],
  [
    'a disk that was made and is gone',
    () => check({ guests: [{ ...folderOf(a, 100), files: [] }, folderOf(b, 200)] }),
    /disk “root” of guest guest-0 was made and is gone/,
    'bad',
  ],
  ['an image that a disk builds on', () => check({ images: [] }), /the image that the root disk of guest guest-0 builds on is gone/, 'bad'],
  [
    'a folder in place of a guest',
    () => check({ guests: [...sound.guests, { name: 'lost', files: [] }] }),
    /guests\/lost belongs to nobody/,
    'warning',
  ],
  [
    'disks of a guest that nobody deleted',
    () => check({ guests: [...sound.guests, { ...folderOf(a, 1), name: stray }] }),
    /holds 1 disks of a guest that the site does not know and nobody has deleted/,
    'bad',
  ],
  [
    'a guest that was created and is not there',
    () => check({}, { events: [event('guest-created', stray)] }),
    /guest old was created \(gaaaaaaaaaa, .*\), and the store does not know it/,
    'bad',
  ],
  [
    'a guest that was deleted and is there',
    () => check({}, { jobs: [job('guest-delete', a.uid)] }),
    /guest guest-0 \(.*\) was deleted, and is in the store/,
    'bad',
  ],
  [
    'a rename that was lost',
    () => check({}, { jobs: [job('guest-rename', a.uid, { name: 'front' })] }),
    /was renamed to front, and is called guest-0 in the store/,
    'bad',
  ],
  [
    'two guests with one address',
    () => check({}, { guests: [a, { ...b, addresses: a.addresses }] }),
    /guests guest-0 and guest-1 both have the address 10\.20\.4\.0/,
    'bad',
  ],
  ['a range that is claimed by another', () => check({ ranges: [{ base, holder: '/srv/other' }] }), /are claimed by \/srv\/other/, 'bad'],
  [
    'ranges that overlap',
    () => check({ ranges: [...sound.ranges, { base: base + 1000, holder: '/srv/other' }] }),
    /range of \/srv\/other \(1900001000 and on\) overlaps/,
    'bad',
  ],
  [
    'a user of the machine in the range',
    () => check({ users: [{ name: 'eve', id: base + 4 }] }),
    /the user eve has the id 1900000004/,
    'bad',
  ],
  [
    'a guest outside of the range',
    () => check({}, { guests: [{ ...a, userId: 5 }, b] }),
    /guest guest-0 has the user id 5, outside of/,
    'bad',
  ],
];

for (const [what, find, text, verdict] of worse) {
  test(`found: ${what}`, () => {
    const findings = find();
    const one = findings.find(({ found }) => text.test(found));
    assert.ok(one, JSON.stringify(findings));
    assert.equal(one.verdict, verdict);
    assert.ok(one.mend.length > 3 && !one.found.includes('\n'));
    assert.equal(verifyExitCode([one]), verdict === 'bad' ? 2 : 1);
  });
}

test('disks that a deletion has kept are a note, and no failure', () => {
  const findings = check({ guests: [...sound.guests, { ...folderOf(a, 1), name: stray }] }, { events: [event('guest-deleted', stray)] });
  assert.deepEqual(
    findings.map(({ verdict, found }) => [verdict, found]),
    [['note', `${data}/guests/${stray} holds 1 disks of a guest that was deleted`]],
  );
  assert.equal(verifyExitCode(findings), 0);
});

test('what a later deletion may explain is not told as lost', () => {
  const events = [event('guest-created', stray)];
  assert.deepEqual(check({}, { events, jobs: [job('guest-delete', stray)] }), []);
  assert.deepEqual(check({}, { events, jobs: [job('site-apply', 'x', { options: { prune: true } })] }), []);
  assert.equal(check({}, { events, jobs: [job('site-apply', 'x', { options: { prune: false } })] }).length, 1);
});
