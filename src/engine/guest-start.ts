// One guest's start, in named steps: admitted, its image, its disks, its rules, its process, its nics. Every step looks at what is there
// and does what is missing.
import { CaissonError } from '../lib/errors.ts';
import type { Observation } from '../drivers/hypervisor.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { NetworkZone } from '../model/network-state.ts';
import { admit, type MemoryPromise } from '../plan/admission.ts';
import { guestNics, machineOf } from '../plan/machine.ts';
import { seedNics } from '../plan/seed-nics.ts';
import { limitsOf } from '../plan/process-limits.ts';
import { ensureDisks } from './guest-disks.ts';
import type { GuestWiring } from './guest-wiring.ts';
import type { StepContext } from './job-context.ts';

/** What it is given of the host's memory, and what the other guests were promised: at the moment when it is promised itself. */
export interface StartMemory {
  memoryMib: number;
  promised: readonly MemoryPromise[];
}

/** Returns what runs then; throws, with nothing running, when the guest cannot start, or the job's signal says no before its process is there. */
export async function startGuest(w: GuestWiring, uid: string, memory: () => StartMemory, job: StepContext): Promise<Observation> {
  const { site, board, parts, images, network } = w;
  const { name, spec, imageDigest } = site.guest(uid);
  // No waiting from here until it is on the board: another start would be promised the same.
  const { memoryMib, promised } = memory();
  const asked = { name, memoryMib, overheadMib: parts.hypervisor.overheadMib({ memoryMib, cpus: spec.cpus }) };
  const answer = admit({ totalMib: parts.host.memoryMib, reserveMib: parts.host.reserveMib, promised, asked });
  if (answer.kind === 'refused') throw new CaissonError('no-capacity', answer.message);
  board.setMemory(uid, memoryMib);
  const has = { memoryMib, promisedMib: memoryMib, cpus: spec.cpus };
  board.set(uid, { power: 'starting', reason: 'is being prepared', has, pending: [] });
  const image = await job.step('image', (step) => images.ensure(spec.image, imageDigest, { ...step, signal: job.signal }));
  const record = await job.step('disks', () => ensureDisks(w, site.guest(uid), image));
  const { zones } = await job.step('network', () => network.ensure());
  const nowhere = record.spec.nics.find((nic) => !zones.some((zone) => zone.name === nic.zone));
  if (nowhere) throw new CaissonError('internal', `zone ${nowhere.zone} is not part of the network`);
  return job.step('start', async () => {
    await prepareFiles(w, record, zones);
    const facts = await parts.hypervisor.facts();
    const { accelerator } = facts;
    const machine = machineOf(record, parts.guestFiles.folders(uid), { accelerator, imagePath: image.path, memoryMib });
    const limits = limitsOf(spec, asked.memoryMib + asked.overheadMib);
    job.signal.throwIfAborted();
    await site.want(uid, 'running');
    const taps = machine.nics.map(({ tap }) => tap);
    const atStart = { tapsAtStart: taps, addressesAtStart: addressesByCard(record) };
    if (!isSame(atStart, record)) await site.updateGuest(uid, atStart);
    job.signal.throwIfAborted();
    const started = await parts.hypervisor.start(machine, { userId: record.userId, generation: record.generation, limits });
    try {
      for (const tap of taps) await network.connect(tap);
    } catch (error) {
      await parts.hypervisor.stop(uid);
      throw error;
    }
    return started;
  });
}

type AtStart = Pick<GuestRecord, 'tapsAtStart' | 'addressesAtStart'>;

function isSame({ tapsAtStart, addressesAtStart }: AtStart, other: AtStart): boolean {
  return JSON.stringify([tapsAtStart, addressesAtStart]) === JSON.stringify([other.tapsAtStart, other.addressesAtStart]);
}

function addressesByCard(record: GuestRecord): Record<string, string[]> {
  return Object.fromEntries(guestNics(record).map(({ mac, addresses }) => [mac, [...addresses]]));
}

async function prepareFiles({ parts, site }: GuestWiring, record: GuestRecord, zones: readonly NetworkZone[]): Promise<void> {
  const owner = { uid: record.uid, userId: record.userId };
  const { userData } = record.spec;
  await parts.guestFiles.writeSeed(owner, {
    instanceId: record.hardware.generationId,
    hostName: record.name,
    sshKeys: record.spec.sshKeys,
    network: seedNics(record, zones, site.name),
    ...(userData === undefined ? {} : { userData }),
  });
  await parts.guestFiles.prepareStart(owner, record.spec.firmware);
}
