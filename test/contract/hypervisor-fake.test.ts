import { systemClock } from '../../src/lib/clock.ts';
import { newUid, systemRandom } from '../../src/lib/ids.ts';
import { FakeHost } from '../../src/drivers/fake/fake-host.ts';
import { FakeHypervisor } from '../../src/drivers/fake/hypervisor.ts';
import { testHypervisor } from './hypervisor.contract.ts';
import { tinyMachine } from './tiny-machine.ts';

testHypervisor('fake', () => {
  const host = new FakeHost(systemClock);
  return Promise.resolve({
    open: () => new FakeHypervisor(host),
    machine: async () => {
      const uid = newUid('g', systemRandom);
      host.behave(uid, { bootMs: 10, shutdownMs: 5 });
      return tinyMachine({
        uid,
        kernel: { image: 'kernel', initrd: 'initrd' },
        socketFolder: `/run/${uid}`,
        consoleLogPath: '/console.log',
      });
    },
    disk: async (_uid, { name, slot, bus }) => ({ name, path: `/${name}`, format: 'qcow2', serial: name, bus, readOnly: false, slot }),
    shell: async () => undefined,
    startOptions: () => ({ userId: 1000, generation: 1, limits: { memoryMib: 512, cpuWeight: 100, pids: 64 } }),
    crash: async (uid) => host.crash(uid),
    freeze: async (uid) => host.freeze(uid),
    thaw: async (uid) => host.thaw(uid),
    panic: async (_hypervisor, uid) => host.halt(uid, 'panicked'),
    close: async () => {},
  });
});
