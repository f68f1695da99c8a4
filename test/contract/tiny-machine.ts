// A machine that boots the tiny guest's kernel directly.
import { newUuid, systemRandom } from '../../src/lib/ids.ts';
import type { Machine } from '../../src/model/machine.ts';
import { tinyCommandLine } from '../tiny-guest/tiny-guest.ts';

export function tinyMachine(parts: {
  uid: string;
  kernel: { image: string; initrd: string };
  socketFolder: string;
  consoleLogPath: string;
}): Machine {
  return {
    uid: parts.uid,
    name: 'tiny',
    hardwareVersion: 3,
    machineType: 'pc-q35-7.2',
    cpuModel: 'Nehalem,vendor=AuthenticAMD',
    accelerator: 'tcg',
    cpus: 1,
    maxCpus: 1,
    memoryMib: 128,
    firmware: 'bios',
    uuid: newUuid(systemRandom),
    generationId: newUuid(systemRandom),
    display: 'none',
    disks: [],
    nics: [],
    socketFolder: parts.socketFolder,
    consoleLogPath: parts.consoleLogPath,
    kernel: { ...parts.kernel, commandLine: tinyCommandLine },
  };
}
