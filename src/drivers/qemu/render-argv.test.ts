import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CaissonError } from '../../lib/errors.ts';
import type { Machine, MachineDisk } from '../../model/machine.ts';
import { assertGolden } from '../../../test/network/golden.ts';
import { filesOf, renderArgv } from './render-argv.ts';

const home = '/var/lib/caisson/guests/gk3m9x4q2ab';

const rootDisk: MachineDisk = {
  name: 'root',
  path: `${home}/root.qcow2`,
  backingPath: '/var/lib/caisson/images/0123456789abcdef.qcow2',
  format: 'qcow2',
  serial: 'root-gk3m9x4q2ab',
  bus: 'virtio',
  readOnly: false,
  slot: 0,
};

const small: Machine = {
  uid: 'gk3m9x4q2ab',
  name: 'web',
  hardwareVersion: 2,
  machineType: 'pc-q35-7.2',
  cpuModel: 'Nehalem',
  accelerator: 'tcg',
  cpus: 1,
  maxCpus: 8,
  memoryMib: 512,
  firmware: 'bios',
  uuid: '0b3c4d5e-6f70-4182-93a4-b5c6d7e8f900',
  generationId: 'a1b2c3d4-e5f6-4708-890a-bcdef0123456',
  display: 'none',
  disks: [rootDisk],
  nics: [{ mac: '52:54:00:12:34:56', tap: 'csgk3m9x4q2ab0', mtu: 1500, slot: 7 }],
  seedPath: `${home}/seed.iso`,
  socketFolder: '/run/caisson/1a2b3c4d/gk3m9x4q2ab',
  consoleLogPath: `${home}/console.log`,
};

const large: Machine = {
  ...small,
  hardwareVersion: 3,
  machineType: 'pc-q35-10.0',
  cpuModel: 'EPYC-Rome',
  accelerator: 'kvm',
  cpus: 4,
  memoryMib: 4096,
  plugged: { sizeMib: 2048, maxMib: 12_288 },
  firmware: 'uefi',
  nvramPath: `${home}/nvram.fd`,
  display: 'vga',
  disks: [
    rootDisk,
    { name: 'data', path: `${home}/data.qcow2`, format: 'qcow2', serial: 'data-gk3m9x4q2ab', bus: 'virtio', readOnly: false, slot: 1 },
    {
      name: 'archive',
      path: `${home}/archive.qcow2`,
      format: 'qcow2',
      serial: 'archive-gk3m9x4q2ab',
      bus: 'scsi',
      readOnly: false,
      slot: 2,
    },
    { name: 'tools', path: `${home}/tools.img`, format: 'raw', serial: 'tools-gk3m9x4q2ab', bus: 'virtio', readOnly: true, slot: 9 },
  ],
};

test('a small guest is told as its golden file says', () => {
  assertGolden('qemu-small.txt', lines(renderArgv(small)));
});

test('a guest with UEFI, display, memory that comes and goes, disks on both buses and in two blocks of ports is told as its golden file says', () => {
  assertGolden('qemu-large.txt', lines(renderArgv(large)));
});

test('a kernel is booted directly where a test asks for it', () => {
  const kernel = { image: '/images/vmlinuz', initrd: '/images/initrd', commandLine: 'console=ttyS0 a=b,c' };
  assert.deepEqual(renderArgv({ ...small, kernel }).slice(-6), [
    '-kernel',
    kernel.image,
    '-initrd',
    kernel.initrd,
    '-append',
    kernel.commandLine,
  ]);
});

test('the files that QEMU writes and those that it reads are told apart', () => {
  assert.deepEqual(filesOf(large), {
    disks: [`${home}/root.qcow2`, `${home}/data.qcow2`, `${home}/archive.qcow2`, `${home}/nvram.fd`, `${home}/console.log`],
    files: [`${home}/tools.img`, '/var/lib/caisson/images/0123456789abcdef.qcow2', `${home}/seed.iso`],
  });
});

test('an added disk moves nothing that is there', () => {
  const before = devices(small);
  const after = devices({ ...small, disks: [...small.disks, { ...rootDisk, name: 'data', slot: 1, serial: 'data' }] });
  for (const [id, device] of before) assert.deepEqual(after.get(id), device);
  assert.ok(after.has('disk1'));
});

test('a guest made before hardware had versions keeps what it has', () => {
  const differing = renderArgv({ ...small, hardwareVersion: 1 }).filter((argument, index) => argument !== renderArgv(small)[index]);
  assert.deepEqual(
    differing.map((argument) => (JSON.parse(argument) as { 'deflate-on-oom': boolean })['deflate-on-oom']),
    [true],
  );
});

test('the watchdog is there for guests of hardware version 3, and for nobody before', () => {
  const added = renderArgv({ ...small, hardwareVersion: 3 }).filter((argument) => !renderArgv(small).includes(argument));
  assert.deepEqual(added, ['-global', 'driver=ICH9-LPC,property=noreboot,value=off', 'watchdog=pause']);
});

test('no text of a user becomes an option, whatever is in it', () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(text, text, (name, path) => {
      const plain = renderArgv(small);
      const argv = renderArgv({
        ...small,
        name,
        disks: [{ ...rootDisk, path: `/${path}`, backingPath: `/${path}` }],
        seedPath: `/${path}`,
        consoleLogPath: `/${path}`,
      });
      assert.equal(argv.length, plain.length);
      for (const [index, argument] of argv.entries()) {
        const usual = plain[index] as string;
        if (argument === usual) continue;
        if (usual.startsWith('{')) {
          const { 'node-name': node } = JSON.parse(argument) as { 'node-name': string };
          assert.equal(node, (JSON.parse(usual) as { 'node-name': string })['node-name']);
        } else {
          // QEMU reads two commas as one and an option up to a single one.
          const options = argument.replaceAll(',,', '').split(',').length;
          assert.equal(options, usual.split(',').length, argument);
        }
      }
    }),
    { seed: 7, numRuns: 100 },
  );
});

test('what cannot be told safely is refused by name', () => {
  const refused: [Partial<Machine>, RegExp][] = [
    [{ uid: 'web,x=y' }, /uid/],
    [{ machineType: 'pc-q35-7.2,dump-guest-core=on' }, /machine type/],
    [{ machineType: 'microvm' }, /machine type/],
    [{ cpuModel: 'Nehalem,+vmx' }, /processor model/],
    [{ uuid: 'x' }, /uuid/],
    [{ generationId: 'auto' }, /generation id/],
    [{ cpus: 9 }, /number of processors/],
    [{ memoryMib: 1.5 }, /memory/],
    [{ plugged: { sizeMib: 512, maxMib: 256 } }, /plugged memory/],
    [{ plugged: { sizeMib: 1, maxMib: 256 } }, /plugged memory/],
    [{ plugged: { sizeMib: 0, maxMib: 256 }, hardwareVersion: 1 }, /hardware version/],
    [{ firmware: 'uefi' }, /UEFI variables/],
    [{ socketFolder: `/run/${'x'.repeat(100)}` }, /socket path/],
    [{ disks: [{ ...rootDisk, serial: 'longer than twenty characters' }] }, /disk serial/],
    [{ disks: [{ ...rootDisk, slot: 24 }] }, /slot/],
    [{ disks: [{ ...rootDisk, slot: 7 }] }, /slot 7/],
    [{ nics: [{ mac: '52:54:00:12:34:56,x', tap: 'tap0', mtu: 1500, slot: 1 }] }, /address/],
    [{ nics: [{ mac: '52:54:00:12:34:56', tap: 'tap0,x', mtu: 1500, slot: 1 }] }, /tap/],
    [{ nics: [{ mac: '52:54:00:12:34:56', tap: 'tap0', mtu: 0, slot: 1 }] }, /packet size/],
  ];
  for (const [change, what] of refused) {
    assert.throws(
      () => renderArgv({ ...small, ...change }),
      (error: CaissonError) => error.code === 'invalid' && what.test(error.message),
    );
  }
});

/** One option with its value on a line. */
function lines(argv: readonly string[]): string {
  const [program, ...rest] = argv;
  return `${rest.reduce((text, argument) => (argument.startsWith('-') ? `${text}\n${argument}` : `${text} ${argument}`), program as string)}\n`;
}

function devices(machine: Machine): Map<string, unknown> {
  const argv = renderArgv(machine);
  const found = argv.filter((_, index) => argv[index - 1] === '-device').map((text) => JSON.parse(text) as { id: string });
  return new Map(found.map((device) => [device.id, device]));
}
