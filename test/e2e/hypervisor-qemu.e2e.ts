// The contract of the hypervisor kept by QEMU itself, started directly: the jail of the root helper has tests of its own.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { newUid, systemRandom } from '../../src/lib/ids.ts';
import { jsonLog } from '../../src/lib/log.ts';
import { createQemu } from '../../src/drivers/qemu/hypervisor.ts';
import { DirectProcesses } from '../contract/direct-processes.ts';
import { testHypervisor } from '../contract/hypervisor.contract.ts';
import { tinyMachine } from '../contract/tiny-machine.ts';
import { tinyGuest } from '../tiny-guest/tiny-guest.ts';

testHypervisor('QEMU', async () => {
  const guest = await tinyGuest();
  const folder = await mkdtemp(join(tmpdir(), 'caisson-qemu-'));
  const runDirectory = join(folder, 'run');
  await mkdir(runDirectory);
  const control = new DirectProcesses(runDirectory);
  const pidOf = async (uid: string) => {
    const found = (await control.list()).find((process) => process.uid === uid);
    assert.ok(found, `guest ${uid} has a process`);
    return found.pid;
  };
  let processes: DirectProcesses | undefined;
  return {
    open() {
      processes?.abandon();
      processes = new DirectProcesses(runDirectory);
      return createQemu({
        clock: systemClock,
        log: jsonLog((line) => process.stderr.write(line)),
        processes,
        dataDirectory: folder,
        runDirectory,
        facts: () => Promise.resolve({ accelerator: 'tcg', version: '7.2.0', machineType: 'pc-q35-7.2', cpuModel: 'Nehalem' }),
      });
    },
    async machine() {
      const uid = newUid('g', systemRandom);
      await mkdir(join(folder, 'guests', uid), { recursive: true });
      return tinyMachine({
        uid,
        kernel: { image: guest.kernel, initrd: guest.initrd },
        socketFolder: join(runDirectory, uid),
        consoleLogPath: join(folder, 'guests', uid, 'console.log'),
      });
    },
    startOptions: { userId: 0, generation: 1, limits: { memoryMib: 512, cpuWeight: 100, pids: 64 } },
    crash: async (uid) => void process.kill(await pidOf(uid), 'SIGKILL'),
    freeze: async (uid) => void process.kill(await pidOf(uid), 'SIGSTOP'),
    thaw: async (uid) => void process.kill(await pidOf(uid), 'SIGCONT'),
    async panic(hypervisor, uid) {
      // The agent goes down with the rest, so it cannot answer.
      await hypervisor
        .agent(uid)
        .exec(['/bin/sh', '-c', 'echo c > /proc/sysrq-trigger'], { timeoutMs: 500 })
        .catch(() => undefined);
    },
    async close() {
      for (const left of await control.list()) await control.kill(left, 'KILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
});
