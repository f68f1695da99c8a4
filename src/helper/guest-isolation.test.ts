import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowsCoreDumps, parseInterfaces, parseMergeable, parseMounts, parseStatus } from './guest-isolation.ts';

const status = `Name:\tqemu-system-x86
Umask:\t0007
Uid:\t1900000007\t1900000007\t1900000007\t1900000007
Gid:\t1900000007\t1900000007\t1900000007\t1900000007
FDSize:\t64
Groups:\t 
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
`;

test('a process without privileges is seen as one', () => {
  const four = Array<number>(4).fill(1_900_000_007);
  assert.deepEqual(parseStatus(status), {
    userIds: four,
    groupIds: four,
    supplementaryGroups: [],
    capabilities: [],
    noNewPrivileges: true,
    seccomp: 'filter',
  });
});

test('whatever it has kept is seen', () => {
  const kept = status
    .replace('1900000007', '0')
    .replace('Groups:\t ', 'Groups:\t4 27 ')
    .replace('CapBnd:\t0000000000000000', 'CapBnd:\t000001ffffffffff')
    .replace('NoNewPrivs:\t1', 'NoNewPrivs:\t0')
    .replace('Seccomp:\t2', 'Seccomp:\t0');
  const { userIds, supplementaryGroups, capabilities, noNewPrivileges, seccomp } = parseStatus(kept);
  assert.equal(userIds[0], 0);
  assert.deepEqual(supplementaryGroups, [4, 27]);
  assert.deepEqual(capabilities, ['CapBnd 000001ffffffffff']);
  assert.deepEqual([noNewPrivileges, seccomp], [false, 'off']);
});

test('what the kernel does not say counts against it', () => {
  assert.deepEqual(parseStatus(''), {
    userIds: [],
    groupIds: [],
    supplementaryGroups: [],
    capabilities: ['CapInh unknown', 'CapPrm unknown', 'CapEff unknown', 'CapBnd unknown', 'CapAmb unknown'],
    noNewPrivileges: false,
    seccomp: 'off',
  });
});

test('a loopback is no interface; everything else is', () => {
  const head = 'Inter-|   Receive                |  Transmit\n face |bytes    packets|bytes    packets\n';
  assert.deepEqual(parseInterfaces(`${head}    lo:       0       0       0       0\n`), []);
  assert.deepEqual(parseInterfaces(`${head}    lo:       0       0\n  eth0: 12 1 9 1\ncsgk3m9x4q2ab0:     976      11\n`), [
    'eth0',
    'csgk3m9x4q2ab0',
  ]);
});

const own = ['/var/lib/caisson/guests/gk3m9x4q2ab/', '/run/caisson/0a1b2c3d/gk3m9x4q2ab/', '/var/lib/caisson/images/'];
const mount = (place: string, options: string) => `812 799 8:1 /x ${place} ${options},nosuid - ext4 /dev/vda1 rw`;

test('a jail’s mounts are its own; a folder of another guest, a writable /usr or /proc is foreign', () => {
  const jail = [
    mount('/', 'rw'),
    mount('/usr', 'ro'),
    mount('/run/caisson/0a1b2c3d/gk3m9x4q2ab', 'rw'),
    mount('/var/lib/caisson/guests/gk3m9x4q2ab/root.qcow2', 'rw'),
    mount('/var/lib/caisson/images/ab.qcow2', 'ro'),
  ];
  assert.deepEqual(parseMounts(`${jail.join('\n')}\n`, own), {
    foreignMounts: [],
    writableMounts: ['/run/caisson/0a1b2c3d/gk3m9x4q2ab', '/var/lib/caisson/guests/gk3m9x4q2ab/root.qcow2'],
  });
  const others = [
    mount('/usr', 'rw'),
    mount('/proc', 'ro'),
    mount('/var/lib/caisson/guests/gk3m9x4q2ab2/root.qcow2', 'rw'),
    mount('/run/caisson/0a1b2c3d', 'rw'),
  ];
  assert.deepEqual(parseMounts(others.join('\n'), own).foreignMounts, [
    '/usr',
    '/proc',
    '/var/lib/caisson/guests/gk3m9x4q2ab2/root.qcow2',
    '/run/caisson/0a1b2c3d',
  ]);
});

test('a limit of nothing keeps a core out of files, only one of a single byte keeps it from programs too', () => {
  const limits = (soft: string) =>
    `Limit                     Soft Limit           Hard Limit           Units\nMax core file size        ${soft}     ${soft}   bytes\n`;
  assert.deepEqual(
    ['0', '1', '4096', 'unlimited'].map((soft) => allowsCoreDumps(limits(soft), false)),
    [false, false, true, true],
  );
  assert.deepEqual(
    ['0', '1', 'unlimited'].map((soft) => allowsCoreDumps(limits(soft), true)),
    [true, false, true],
  );
  assert.equal(allowsCoreDumps('', false), true);
});

test('an older kernel does not tell whether memory is shared', () => {
  assert.equal(parseMergeable(undefined), undefined);
  assert.equal(parseMergeable('ksm_rmap_items 0\nksm_zero_pages 0\n'), undefined);
  assert.equal(parseMergeable('ksm_rmap_items 0\nksm_merge_any: no\nksm_mergeable: no\n'), false);
  assert.equal(parseMergeable('ksm_rmap_items 0\nksm_merge_any: no\nksm_mergeable: yes\n'), true);
});
