// e2e: limit 20 min
// What a guest sees of its hardware, and what QEMU does when a disk is missing, taken, or full.
import assert from 'node:assert/strict';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Hypervisor } from '../../src/drivers/hypervisor.ts';
import { createUefiVariables } from '../../src/drivers/qemu/firmware.ts';
import type { Machine, MachineDisk } from '../../src/model/machine.ts';
import { type QemuFixture, qemuFixture, startOptions } from '../contract/qemu-fixture.ts';

/** Everything here is emulated, on a machine that does other things as well. */
const bootMs = 300_000;

let fixture: QemuFixture;
let hypervisor: Hypervisor;
const used = new Set<string>();

before(async () => {
  fixture = await qemuFixture();
  hypervisor = fixture.open();
});

afterEach(async () => {
  for (const uid of used) await hypervisor.stop(uid);
  used.clear();
});

after(async () => {
  await hypervisor.close();
  await fixture.close();
});

async function newMachine(): Promise<Machine> {
  const machine = await fixture.machine();
  used.add(machine.uid);
  return machine;
}

function home(machine: Machine): string {
  return join(fixture.folder, 'guests', machine.uid);
}

async function newDisk(folder: string, name: string, slot: number, size = '64M'): Promise<MachineDisk> {
  const path = join(folder, `${name}.qcow2`);
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, size]);
  return { name, path, format: 'qcow2', serial: `serial-${name}`, bus: 'virtio', readOnly: false, slot };
}

async function boot(machine: Machine): Promise<void> {
  await hypervisor.start(machine, startOptions);
  await hypervisor.agent(machine.uid).ping(bootMs);
}

async function shell(machine: Machine, script: string): Promise<string> {
  const result = await hypervisor.agent(machine.uid).exec(['/bin/sh', '-c', script], { timeoutMs: bootMs });
  return result.stdout;
}

/** Every disk as the guest sees it: name, serial, PCI address. */
function disksSeen(machine: Machine): Promise<string> {
  return shell(
    machine,
    'cd /sys/block; for d in vd*; do p=$(readlink -f $d/device/..); echo "$d $(cat $d/serial) ${p##*/pci0000:00/}"; done',
  );
}

test('disks are found in their order and at their places; an added one moves none of them', async () => {
  const machine = await newMachine();
  const seedPath = join(home(machine), 'seed.iso');
  await writeFile(seedPath, '');
  await truncate(seedPath, 1024 * 1024);
  const root = await newDisk(home(machine), 'root', 0);
  const data = await newDisk(home(machine), 'data', 2);
  await boot({ ...machine, disks: [root, data], seedPath });
  assert.equal(
    await disksSeen(machine),
    'vda serial-root 0000:00:10.0/0000:01:00.0\nvdb serial-data 0000:00:10.2/0000:03:00.0\nvdc seed 0000:00:13.0/0000:09:00.0\n',
  );
  assert.equal((await shell(machine, 'cat /sys/block/vda/ro /sys/block/vdc/ro')).trim(), '0\n1');
  await hypervisor.stop(machine.uid);

  const more = await newDisk(home(machine), 'more', 1);
  await boot({ ...machine, disks: [root, more, data], seedPath });
  assert.equal(
    await disksSeen(machine),
    'vda serial-root 0000:00:10.0/0000:01:00.0\nvdb serial-more 0000:00:10.1/0000:02:00.0\n' +
      'vdc serial-data 0000:00:10.2/0000:03:00.0\nvdd seed 0000:00:13.0/0000:09:00.0\n',
  );
});

test('a guest with four of its eight processors boots, and uses them', async () => {
  const machine = await newMachine();
  await boot({ ...machine, cpus: 4, maxCpus: 8 });
  assert.equal((await shell(machine, 'grep -c ^processor /proc/cpuinfo')).trim(), '4');
});

// With one processor: emulated ones wait for each other, which takes longer than all else on a busy machine with two.
test('a guest with UEFI, display and every slot in use boots', async () => {
  const machine = await newMachine();
  const nvramPath = join(home(machine), 'nvram.fd');
  await createUefiVariables(nvramPath);
  await assert.rejects(createUefiVariables(nvramPath), { code: 'conflict' });
  const disks = await Promise.all(Array.from({ length: 24 }, (_, slot) => newDisk(home(machine), `d${slot}`, slot, '1M')));
  await boot({ ...machine, firmware: 'uefi', nvramPath, display: 'vga', memoryMib: 512, maxCpus: 8, disks });
  assert.equal((await shell(machine, 'ls -d /sys/block/vd* | wc -l')).trim(), '24');
  assert.equal(
    (await shell(machine, 'ls -d /sys/firmware/efi 2>/dev/null; cat /sys/class/dmi/id/product_uuid')).trim(),
    `/sys/firmware/efi\n${machine.uuid}`,
  );
});

test('a disk that another guest writes to is refused', async () => {
  const first = await newMachine();
  const disk = await newDisk(home(first), 'root', 0);
  await hypervisor.start({ ...first, disks: [disk] }, startOptions);
  const second = await newMachine();
  await assert.rejects(hypervisor.start({ ...second, disks: [disk] }, startOptions), /could not be started: .*lock/);
  assert.deepEqual(await hypervisor.observe(second.uid), { state: 'stopped' });
  assert.equal((await hypervisor.observe(first.uid)).state, 'running');
});

test('a missing disk is an error in QEMU’s own words, and leaves no process', async () => {
  const machine = await newMachine();
  const disk = await newDisk(home(machine), 'root', 0);
  await rm(disk.path);
  await assert.rejects(hypervisor.start({ ...machine, disks: [disk] }, startOptions), /could not be started: .*No such file or directory/);
  assert.deepEqual(await fixture.processes(), []);
});

test('the name of a backing file in a disk’s header is not followed', async () => {
  const machine = await newMachine();
  const secret = join(home(machine), 'secret.img');
  await writeFile(secret, 'secret'.padEnd(1024 * 1024, '.'));
  const path = join(home(machine), 'root.qcow2');
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'raw', path]);
  await boot({ ...machine, disks: [{ name: 'root', path, format: 'qcow2', serial: 'root', bus: 'virtio', readOnly: false, slot: 0 }] });
  assert.equal((await shell(machine, 'head -c 6 /dev/vda | grep -c secret')).trim(), '0');
});

test('a full disk halts the guest, which goes on when there is space again', async (t) => {
  const machine = await newMachine();
  const place = join(fixture.folder, 'small');
  await mkdir(place);
  await run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'caisson-small', place]);
  t.after(async () => {
    await hypervisor.stop(machine.uid);
    await run(['umount', place]);
  });
  const disk = await newDisk(place, 'root', 0);
  await boot({ ...machine, disks: [disk] });
  void shell(machine, 'dd if=/dev/urandom of=/dev/vda bs=1M count=16 && sync; echo done').catch(() => undefined);
  const halted = await waitFor(
    'the guest to be halted',
    async () => {
      const seen = await hypervisor.observe(machine.uid);
      return seen.state === 'halted' ? seen : undefined;
    },
    { timeoutMs: bootMs },
  );
  assert.equal(halted.why, 'no-space');
  const other = fixture.open();
  t.after(() => other.close());
  await hypervisor.close();
  hypervisor = other;
  const adopted = await hypervisor.observe(machine.uid);
  assert.equal(adopted.state === 'halted' && adopted.why, 'no-space');
  await run(['mount', '-o', 'remount,size=64m', place]);
  await hypervisor.resume(machine.uid);
  await waitFor(
    'the guest to write all',
    async () => (await hypervisor.agent(machine.uid).exec(['/bin/sh', '-c', 'pidof dd'], { timeoutMs: bootMs })).code !== 0,
    { timeoutMs: bootMs },
  );
  assert.equal((await hypervisor.observe(machine.uid)).state, 'running');
});
