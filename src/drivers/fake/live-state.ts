// What a fake guest has when it has just been started.
import type { Machine } from '../../model/machine.ts';
import type { LiveState } from '../live-hardware.ts';

/** Root ports come in blocks of eight, as many as are needed, and one for the seed. */
function portsOf(machine: Machine): number[] {
  const slots = [...machine.disks.filter((disk) => disk.bus === 'virtio'), ...machine.nics].map(({ slot }) => slot);
  const blocks = Math.floor(Math.max(0, ...slots) / 8) + 1;
  return Array.from({ length: blocks * 8 }, (_, slot) => slot);
}

export function liveStateOf(machine: Machine, follows: { memory: boolean }): LiveState {
  const { plugged } = machine;
  return {
    memory: {
      boardMib: machine.memoryMib,
      ...(plugged
        ? { plugged: { sizeMib: follows.memory ? plugged.sizeMib : 0, requestedMib: plugged.sizeMib, maxMib: plugged.maxMib } }
        : {}),
      balloonMib: 0,
    },
    cpus: machine.cpus,
    maxCpus: machine.maxCpus,
    cpusCanGo: true,
    disks: machine.disks.map(({ slot }) => slot).toSorted((a, b) => a - b),
    nics: machine.nics.map(({ slot }) => slot).toSorted((a, b) => a - b),
    ports: portsOf(machine),
    scsi: machine.disks.some((disk) => disk.bus === 'scsi'),
  };
}
