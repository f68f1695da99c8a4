// Which implementation of each contract a real host has: the one place that chooses.
import { CaissonError } from '../lib/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { type HelperCaller, networkHelper } from '../drivers/helper-client/helper-client.ts';
import type { HypervisorFacts } from '../drivers/hypervisor.ts';
import type { Images } from '../drivers/images.ts';
import { createGuestFolder } from '../drivers/guest-folder/guest-folder.ts';
import { createNftablesNetwork } from '../drivers/nftables/network.ts';
import { createUefiVariables } from '../drivers/qemu/firmware.ts';
import { helperProcesses } from '../drivers/qemu/helper-processes.ts';
import { createQemu } from '../drivers/qemu/hypervisor.ts';
import { createSocketProber } from '../drivers/sockets/prober.ts';
import type { EngineParts } from '../engine/parts.ts';
import type { HelperHello, HostFacts } from '../model/helper-protocol.ts';

export interface DriverOptions {
  helper: HelperCaller;
  hello: HelperHello;
  facts: HostFacts;
  clock: Clock;
  log: Log;
}

export function createDrivers({
  helper,
  hello,
  facts,
  clock,
  log,
}: DriverOptions): Pick<EngineParts, 'hypervisor' | 'network' | 'images' | 'guestFiles' | 'prober'> {
  const { dataDirectory, runDirectory } = hello;
  return {
    hypervisor: createQemu({
      clock,
      log: log.child({ part: 'qemu' }),
      processes: helperProcesses(helper),
      dataDirectory,
      runDirectory,
      facts: () => qemuFacts(facts),
    }),
    network: createNftablesNetwork({ helper: networkHelper(helper), log: log.child({ part: 'network' }) }),
    images: absentImages,
    guestFiles: createGuestFolder({
      helper,
      dataDirectory,
      runDirectory,
      writeSeed: () => Promise.reject(notYet('writing a seed')),
      createUefiVariables,
    }),
    prober: createSocketProber(
      async (targets) =>
        (await helper.call('worldProbe', { targets: targets.map(({ protocol, address, port }) => ({ protocol, address, port })) })).lines,
    ),
  };
}

async function qemuFacts(facts: HostFacts): Promise<HypervisorFacts> {
  const version = /\d+\.\d+(\.\d+)?/.exec(facts.qemu ?? '')?.[0];
  if (version === undefined) throw new CaissonError('missing', 'QEMU is not installed on this host: apt-get install qemu-system-x86');
  return { accelerator: 'tcg', version, machineType: `pc-q35-${version.split('.').slice(0, 2).join('.')}`, cpuModel: 'Nehalem' };
}

const notYet = (what: string) => new CaissonError('unsupported', `${what} is not connected yet`);
const absentImages: Images = {
  digest: () => Promise.reject(notYet('the image cache')),
  find: () => Promise.resolve(undefined),
  make: () => Promise.reject(notYet('the image cache')),
  list: () => Promise.resolve([]),
  remove: () => Promise.reject(notYet('the image cache')),
};
