import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Cgroups, parseCgroupMounts, renderLimits } from './cgroups.ts';

const line = (mountPoint: string, type: string, options: string) =>
  `31 24 0:27 / ${mountPoint} rw,relatime shared:9 - ${type} cgroup ${options}`;
const v2 = line('/sys/fs/cgroup', 'cgroup2', 'rw,nsdelegate');
const hybrid = [
  line('/sys/fs/cgroup/unified', 'cgroup2', 'rw'),
  line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
  line('/sys/fs/cgroup/memory', 'cgroup', 'rw,memory'),
  line('/sys/fs/cgroup/pids', 'cgroup', 'rw,pids'),
  line('/sys/fs/cgroup/freezer', 'cgroup', 'rw,freezer'),
].join('\n');

test('version 2, hybrid, version 1 and nothing are told apart', () => {
  assert.deepEqual(parseCgroupMounts(v2), { kind: 'v2', unified: '/sys/fs/cgroup', v1: {} });
  assert.deepEqual(parseCgroupMounts(hybrid), {
    kind: 'hybrid',
    unified: '/sys/fs/cgroup/unified',
    v1: { cpu: '/sys/fs/cgroup/cpu,cpuacct', memory: '/sys/fs/cgroup/memory', pids: '/sys/fs/cgroup/pids' },
  });
  assert.equal(parseCgroupMounts(hybrid.split('\n').slice(1).join('\n')).kind, 'v1');
  assert.equal(parseCgroupMounts('24 1 8:1 / / rw - ext4 /dev/sda1 rw').kind, 'none');
});

test('a weight of 100 is 1,024 shares, within what the kernel takes', () => {
  const shares = (cpuWeight: number) => renderLimits('cpu', 1, { memoryMib: 1, cpuWeight, pids: 1 })[0]?.[1];
  assert.deepEqual([shares(1), shares(100), shares(10_000)], ['10', '1024', '102400']);
});

/** A folder that looks like a hierarchy; the kernel's files are plain ones. */
function fakeHierarchy(controllers: string) {
  const root = mkdtempSync(join(tmpdir(), 'caisson-cgroups-'));
  const group = `${root}/caisson/12345678/gk3m9x4q2ab`;
  for (const folder of [root, `${root}/caisson`, `${root}/caisson/12345678`]) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/cgroup.subtree_control`, '');
  }
  mkdirSync(group);
  writeFileSync(`${root}/cgroup.controllers`, `${controllers}\n`);
  return { root, group, read: (file: string) => readFileSync(`${group}/${file}`, 'latin1') };
}

const limits = { memoryMib: 512, cpuWeight: 50, pids: 64 };

test('a guest’s share of the disks is set where the kernel has one, under whatever name', () => {
  const share = (version: 1 | 2, cpuWeight: number) => renderLimits('io', version, { memoryMib: 1, cpuWeight, pids: 1 });
  assert.deepEqual(share(1, 5000), [['blkio.bfq.weight', '1000', true]]);
  assert.deepEqual(share(2, 5000), [
    ['io.weight', '5000', true],
    ['io.bfq.weight', '1000', true],
  ]);
  const blkio = line('/sys/fs/cgroup/blkio', 'cgroup', 'rw,blkio');
  assert.deepEqual(parseCgroupMounts(blkio).v1, { io: '/sys/fs/cgroup/blkio' });
});

test('limits are read back as they were set; what does not limit is not told', () => {
  const { root, group } = fakeHierarchy('cpuset cpu io memory pids');
  try {
    writeFileSync(`${group}/io.weight`, 'default 100\n');
    const cgroups = new Cgroups({ kind: 'v2', unified: root, v1: {} }, '12345678');
    cgroups.create('gk3m9x4q2ab', limits);
    assert.deepEqual(cgroups.readLimits('gk3m9x4q2ab'), { memoryBytes: 536_870_912, pids: 64, cpuWeight: 50, ioWeight: 50 });
    writeFileSync(`${group}/memory.max`, 'max\n');
    assert.equal(cgroups.readLimits('gk3m9x4q2ab').memoryBytes, undefined);
    const old = new Cgroups({ kind: 'v1', v1: { memory: root, cpu: root, pids: root } }, '12345678');
    writeFileSync(`${group}/memory.limit_in_bytes`, '9223372036854771712\n');
    writeFileSync(`${group}/cpu.shares`, '512\n');
    assert.deepEqual(old.readLimits('gk3m9x4q2ab'), { pids: 64, cpuWeight: 50 });
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('on version 2 controllers are handed down and every limit is written', async () => {
  const { root, group, read } = fakeHierarchy('cpuset cpu io memory pids');
  try {
    writeFileSync(`${group}/memory.swap.max`, 'max');
    const cgroups = new Cgroups({ kind: 'v2', unified: root, v1: {} }, '12345678');
    cgroups.create('gk3m9x4q2ab', limits);
    assert.deepEqual(['memory.max', 'memory.swap.max', 'cpu.weight', 'pids.max'].map(read), ['536870912', '0', '50', '64']);
    assert.equal(existsSync(`${group}/memory.oom.group`), false);
    assert.equal(readFileSync(`${root}/caisson/cgroup.subtree_control`, 'latin1'), '+memory +cpu +pids +io');
    await cgroups.join('gk3m9x4q2ab', 4711);
    assert.deepEqual(cgroups.processesOf('gk3m9x4q2ab'), [4711]);
    assert.deepEqual([...cgroups.processes()], [['gk3m9x4q2ab', [4711]]]);
    assert.deepEqual(cgroups.processesOf('gaaaaaaaaaa'), []);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('a guest whose memory cannot be limited is refused with why', () => {
  const { root } = fakeHierarchy('cpu pids');
  try {
    const cgroups = new Cgroups({ kind: 'v2', unified: root, v1: {} }, '12345678');
    assert.throws(() => cgroups.create('gk3m9x4q2ab', limits), { code: 'missing', message: /the memory of a guest cannot be limited/ });
    assert.deepEqual(cgroups.controllers(), ['cpu', 'pids']);
  } finally {
    rmSync(root, { recursive: true });
  }
});
