// e2e: limit 20 min
// The contract of the hypervisor, kept by QEMU itself.
import assert from 'node:assert/strict';
import { testHypervisor } from '../contract/hypervisor.contract.ts';
import { qemuFixture, shellIn, startOptions } from '../contract/qemu-fixture.ts';

testHypervisor('QEMU', async () => {
  const fixture = await qemuFixture();
  const signal = async (uid: string, name: NodeJS.Signals) => {
    const found = (await fixture.processes()).find((process) => process.uid === uid);
    assert.ok(found, `guest ${uid} has a process`);
    process.kill(found.pid, name);
  };
  return {
    open: () => fixture.open(),
    machine: () => fixture.machine(),
    disk: (uid, options) => fixture.disk(uid, options),
    shell: shellIn,
    startOptions: () => startOptions,
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
    close: () => fixture.close(),
  };
});
