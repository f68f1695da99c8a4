// e2e: limit 20 min
// The contract of the hypervisor once more, with QEMU started by the root helper: another user for each guest, its own root
// and network, no privileges.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { jsonLog } from '../../src/lib/log.ts';
import { helperProcesses } from '../../src/drivers/qemu/helper-processes.ts';
import { createQemu } from '../../src/drivers/qemu/hypervisor.ts';
import { testHypervisor } from '../contract/hypervisor.contract.ts';
import { shellIn } from '../contract/qemu-fixture.ts';
import { tinyMachine } from '../contract/tiny-machine.ts';
import { tinyGuest } from '../tiny-guest/tiny-guest.ts';
import { createHelperFixture } from './helper-fixture.ts';

testHypervisor('QEMU behind the root helper', async () => {
  const tiny = await tinyGuest();
  const fixture = createHelperFixture('hypervisor');
  const helper = await fixture.start();
  const { hello, client } = helper;
  const inImages = (name: string, path: string) => {
    const target = join(fixture.data, 'images', name);
    copyFileSync(path, target);
    chmodSync(target, 0o644);
    return target;
  };
  const kernel = { image: inImages('vmlinuz', tiny.kernel), initrd: inImages('initrd', tiny.initrd) };
  const userIds = new Map<string, number>();
  const signal = async (uid: string, name: NodeJS.Signals) => {
    const { processes } = await client.call('guestProcesses', {});
    const found = processes.find((process) => process.uid === uid);
    assert.ok(found, `guest ${uid} has a process`);
    process.kill(found.pid, name);
  };
  return {
    open: () =>
      createQemu({
        clock: systemClock,
        log: jsonLog((line) => process.stderr.write(line)),
        processes: helperProcesses(client),
        dataDirectory: fixture.data,
        runDirectory: hello.runDirectory,
        facts: () =>
          Promise.resolve({ accelerator: 'tcg', version: '7.2.0', machineType: 'pc-q35-7.2', cpuModel: 'Nehalem,vendor=AuthenticAMD' }),
      }),
    async machine() {
      const userId = hello.userIds.base + userIds.size;
      const { uid, disk, consoleLog } = await fixture.makeGuest(helper, userId);
      userIds.set(uid, userId);
      const machine = tinyMachine({ uid, kernel, socketFolder: `${hello.runDirectory}/${uid}`, consoleLogPath: consoleLog });
      return {
        ...machine,
        disks: [{ name: 'root', path: disk, format: 'qcow2', serial: 'root', bus: 'virtio', readOnly: false, slot: 0 }],
      };
    },
    async disk(uid, { name, slot, bus, sizeMib }) {
      const path = join(fixture.data, 'guests', uid, `${name}.qcow2`);
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', path, `${sizeMib}M`]);
      chownSync(path, fixture.user.userId, fixture.user.groupId);
      await client.call('guestOwnDisk', { uid, userId: userIds.get(uid) as number, path });
      return { name, path, format: 'qcow2', serial: `serial-${name}`, bus, readOnly: false, slot };
    },
    shell: shellIn,
    startOptions: (uid) => ({
      userId: userIds.get(uid) as number,
      generation: 1,
      limits: { memoryMib: 512, cpuWeight: 100, pids: 64 },
    }),
    crash: (uid) => signal(uid, 'SIGKILL'),
    freeze: (uid) => signal(uid, 'SIGSTOP'),
    thaw: (uid) => signal(uid, 'SIGCONT'),
    async panic(hypervisor, uid) {
      // The agent goes down with the rest, so it cannot answer.
      await hypervisor
        .agent(uid)
        .exec(['/bin/sh', '-c', 'echo c > /proc/sysrq-trigger'], { timeoutMs: 500 })
        .catch(() => undefined);
    },
    async close() {
      await helper.stop();
      await fixture.remove();
    },
  };
});
