// QEMU started directly on folders of a test's own: the jail of the root helper has tests of its own.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { newUid, systemRandom } from '../../src/lib/ids.ts';
import { jsonLog } from '../../src/lib/log.ts';
import type { Hypervisor } from '../../src/drivers/hypervisor.ts';
import { createQemu } from '../../src/drivers/qemu/hypervisor.ts';
import type { GuestProcess } from '../../src/drivers/qemu/guest-processes.ts';
import { run } from '../../src/lib/exec.ts';
import type { Machine, MachineDisk } from '../../src/model/machine.ts';
import { tinyGuest } from '../tiny-guest/tiny-guest.ts';
import { DirectProcesses } from './direct-processes.ts';
import { tinyMachine } from './tiny-machine.ts';

export interface QemuFixture {
  folder: string;
  /** A new instance; the one before is left as a daemon that died leaves it. */
  open(): Hypervisor;
  machine(): Promise<Machine>;
  /** A new, empty disk in the guest's folder. */
  disk(uid: string, options: { name: string; slot: number; bus: MachineDisk['bus']; sizeMib: number }): Promise<MachineDisk>;
  processes(): Promise<GuestProcess[]>;
  /** Kills what is left and removes the folders. */
  close(): Promise<void>;
}

export const startOptions = { userId: 0, generation: 1, limits: { memoryMib: 1024, cpuWeight: 100, pids: 64 } };

/** What a shell in the guest prints. */
export async function shellIn(hypervisor: Hypervisor, uid: string, command: string): Promise<string> {
  return (await hypervisor.agent(uid).exec(['/bin/sh', '-c', command], { timeoutMs: 120_000 })).stdout;
}

export async function qemuFixture(): Promise<QemuFixture> {
  const { kernel, initrd } = await tinyGuest();
  const folder = await mkdtemp(join(tmpdir(), 'caisson-qemu-'));
  const runDirectory = join(folder, 'run');
  await mkdir(runDirectory);
  const control = new DirectProcesses(runDirectory);
  let processes: DirectProcesses | undefined;
  return {
    folder,
    open() {
      processes?.abandon();
      processes = new DirectProcesses(runDirectory);
      return createQemu({
        clock: systemClock,
        log: jsonLog((line) => process.stderr.write(line)),
        processes,
        dataDirectory: folder,
        runDirectory,
        facts: () =>
          Promise.resolve({ accelerator: 'tcg', version: '7.2.0', machineType: 'pc-q35-7.2', cpuModel: 'Nehalem,vendor=AuthenticAMD' }),
      });
    },
    async machine() {
      const uid = newUid('g', systemRandom);
      const home = join(folder, 'guests', uid);
      await mkdir(home, { recursive: true });
      return tinyMachine({
        uid,
        kernel: { image: kernel, initrd },
        socketFolder: join(runDirectory, uid),
        consoleLogPath: join(home, 'console.log'),
      });
    },
    async disk(uid, { name, slot, bus, sizeMib }) {
      const path = join(folder, 'guests', uid, `${name}.qcow2`);
      await run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, `${sizeMib}M`]);
      return { name, path, format: 'qcow2', serial: `serial-${name}`, bus, readOnly: false, slot };
    },
    processes: () => control.list(),
    async close() {
      for (const left of await control.list()) await control.kill(left, 'KILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
