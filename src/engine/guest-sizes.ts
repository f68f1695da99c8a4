// A guest that runs gets what is wished of memory, processors, disks and nics, as far as it can follow; what it cannot is said in words, and is done
// at its next start. Every call looks at what the guest has and does what is missing, so it may be called whenever, and again.
// Whoever calls holds the guest's lock.
import { CaissonError, describeError } from '../lib/errors.ts';
import type { LiveHardware } from '../drivers/live-hardware.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import { admit, type MemoryPromise } from '../plan/admission.ts';
import { type LiveAction, memoryOf, planLiveChanges, promisedMemoryOf, type RunningSizes } from '../plan/live-changes.ts';
import { machineDisk } from '../plan/machine.ts';
import { limitsOf } from '../plan/process-limits.ts';
import { ensureExtraDisk, refreshDisks } from './guest-disks.ts';
import { attachNic, dropOldTaps } from './guest-nic-changes.ts';
import type { GuestWiring } from './guest-wiring.ts';

const memoryTimeoutMs = 30_000;
const cpusTimeoutMs = 20_000;
const diskTimeoutMs = 20_000;
const nicTimeoutMs = 20_000;
/** After this long ready, a system that has taken nothing of what was plugged in never will. */
const followsWithinMs = 120_000;

export interface SizeContext {
  /** What it is to have now: its wish, or less where memory is overcommitted. */
  memoryMib: number;
  /** What the other guests were promised. */
  promised: () => readonly MemoryPromise[];
}

/** Returns once the guest has followed, or has had its time. What is pending then is on the board. */
export async function adjustSizes(w: GuestWiring, uid: string, context: SizeContext): Promise<void> {
  const { board, parts, site } = w;
  if (!['running', 'paused'].includes(board.get(uid).power)) return;
  const record = site.guest(uid);
  const hardware = parts.hypervisor.hardware(uid);
  const running = await hardware.read();
  note(w, uid, running);
  const { actions, pending } = planLiveChanges(record, running, context.memoryMib);
  const growing = await growDisks(w, record, running, hardware);
  const later = [...pending, ...growing];
  for (const action of actions) {
    try {
      later.push(...(await carryOut(w, record, running, hardware, action, context)));
    } catch (error) {
      later.push(`${describeAction(action)}: ${describeError(error)}`);
    }
  }
  if (!['running', 'paused'].includes(board.get(uid).power)) return;
  const after = await hardware.read();
  note(w, uid, after);
  await limit(w, record, hardware, { memoryMib: promisedMemoryOf(after), cpus: after.cpus }, later);
  await refreshDisks(w, site.guest(uid));
  await dropOldTaps(w, site.guest(uid), after).catch((error: unknown) =>
    later.push(`the tap of a nic that is gone: ${describeError(error)}`),
  );
  setPending(w, uid, later);
}

/** Looks at what the guest has, and changes nothing. */
export async function lookAtSizes(w: GuestWiring, uid: string): Promise<void> {
  note(w, uid, await w.parts.hypervisor.hardware(uid).read());
}

function note({ board }: GuestWiring, uid: string, running: RunningSizes): void {
  const has = { memoryMib: memoryOf(running), promisedMib: promisedMemoryOf(running), cpus: running.cpus };
  board.setMemory(uid, has.promisedMib);
  if (JSON.stringify(board.get(uid).has) !== JSON.stringify(has)) board.set(uid, { has });
}

function setPending({ board }: GuestWiring, uid: string, pending: string[]): void {
  if (board.get(uid).pending.join('\n') !== pending.join('\n')) board.set(uid, { pending });
}

async function carryOut(
  w: GuestWiring,
  record: GuestRecord,
  running: RunningSizes,
  hardware: LiveHardware,
  action: LiveAction,
  context: SizeContext,
): Promise<string[]> {
  switch (action.kind) {
    case 'memory':
      return changeMemory(w, record, running, hardware, action, context);
    case 'cpus': {
      const refusal = promise(w, record, { memoryMib: promisedMemoryOf(running), cpus: action.count }, running, context);
      if (refusal !== undefined) return [`${describeAction(action)}: ${refusal}`];
      await limit(w, record, hardware, { memoryMib: promisedMemoryOf(running), cpus: Math.max(action.count, running.cpus) }, []);
      const { cpus, online } = await hardware.setCpus(action.count, cpusTimeoutMs);
      if (cpus !== action.count)
        return [`${describeAction(action)}: its system does not let go of ${cpus - action.count}; at its next start`];
      return online === undefined || online >= cpus ? [] : [`${describeAction(action)}: its system uses ${online} of them so far`];
    }
    case 'attach-disk': {
      const made = await ensureExtraDisk(w, record, action.name);
      const disk = machineDisk(made, w.parts.guestFiles.folders(record.uid), action.name);
      await hardware.attachDisk(disk, { userId: record.userId, maxCpus: running.maxCpus });
      return [];
    }
    case 'detach-disk': {
      const path = `${w.parts.guestFiles.folders(record.uid).data}/${action.name}.qcow2`;
      const isGone = await hardware.detachDisk({ slot: action.slot, path }, diskTimeoutMs);
      return isGone ? [] : [`${describeAction(action)}: its system does not let go of it; at its next start`];
    }
    case 'attach-nic':
      await attachNic(w, record, hardware, action.index);
      return [];
    case 'detach-nic': {
      const isGone = await hardware.detachNic({ slot: action.slot }, nicTimeoutMs);
      return isGone ? [] : [`${describeAction(action)}: its system does not let go of it; at its next start`];
    }
  }
}

/** More: first the limit, then the memory. Less: first the memory, then (by the caller) the limit. */
async function changeMemory(
  w: GuestWiring,
  record: GuestRecord,
  running: RunningSizes,
  hardware: LiveHardware,
  { plugMib, takenMib }: Extract<LiveAction, { kind: 'memory' }>,
  context: SizeContext,
): Promise<string[]> {
  const { uid } = record;
  const { board, parts, site } = w;
  const hasMib = memoryOf(running);
  const wantedMib = running.memory.boardMib + (plugMib ?? 0) - takenMib;
  const what = `memory ${figure(hasMib)} → ${figure(wantedMib)} MiB`;
  const { cpus } = board.get(uid).has ?? running;
  if (wantedMib > promisedMemoryOf(running)) {
    const refusal = promise(w, record, { memoryMib: wantedMib, cpus }, running, context);
    if (refusal !== undefined) return [`${what}: ${refusal}`];
    await limit(w, record, hardware, { memoryMib: wantedMib, cpus }, []);
  }
  const isPlugged = plugMib === undefined ? undefined : await hardware.plugMemory(plugMib, memoryTimeoutMs);
  if (takenMib !== running.memory.balloonMib) await hardware.fillBalloon(takenMib, memoryTimeoutMs);
  const after = memoryOf(await hardware.read());
  if (isPlugged !== undefined && isPlugged > 0 && record.memoryFollows !== true) await site.updateGuest(uid, { memoryFollows: true });
  if (after === wantedMib) return [];
  const { ready, startedAt } = board.get(uid);
  const runsMs = startedAt === undefined ? 0 : parts.clock.now() - Date.parse(startedAt);
  if (plugMib !== undefined && plugMib > 0 && isPlugged === 0 && ready && runsMs > followsWithinMs) {
    await site.updateGuest(uid, { memoryFollows: false });
    return [`${what}: its system does not take what is plugged in (Linux needs its module virtio_mem); at its next start`];
  }
  const verb = after < wantedMib ? 'taken' : 'given';
  return [`${what}: its system has not ${verb} ${figure(Math.abs(wantedMib - after))} MiB of it; at its next start at the latest`];
}

interface Promised {
  memoryMib: number;
  cpus: number;
}

/** More for the guest, promised from now on, so that nobody else is promised the same meanwhile; or why not. */
function promise(
  { board, parts }: GuestWiring,
  { uid, name }: GuestRecord,
  wanted: Promised,
  running: RunningSizes,
  { promised }: SizeContext,
): string | undefined {
  const asked = { name, memoryMib: wanted.memoryMib, overheadMib: parts.hypervisor.overheadMib(wanted) };
  const hasMib = promisedMemoryOf(running) + parts.hypervisor.overheadMib({ memoryMib: promisedMemoryOf(running), cpus: running.cpus });
  if (asked.memoryMib + asked.overheadMib > hasMib) {
    const answer = admit({ totalMib: parts.host.memoryMib, reserveMib: parts.host.reserveMib, promised: promised(), asked });
    if (answer.kind === 'refused') return answer.message;
    board.setMemory(uid, wanted.memoryMib);
    board.set(uid, { has: { memoryMib: memoryOf(running), promisedMib: wanted.memoryMib, cpus: wanted.cpus } });
  }
  return undefined;
}

async function growDisks(w: GuestWiring, record: GuestRecord, running: RunningSizes, hardware: LiveHardware): Promise<string[]> {
  const later: string[] = [];
  for (const [name, { sizeMib }] of Object.entries(record.spec.disks)) {
    const slot = record.hardware.diskSlots[name];
    if (slot === undefined || !running.disks.includes(slot)) continue;
    const found = await w.parts.guestFiles.disk(record.uid, name);
    if (!found || found.sizeBytes >= sizeMib * 1024 * 1024) continue;
    try {
      await hardware.growDisk({ slot }, sizeMib);
    } catch (error) {
      later.push(`disk ${name} → ${figure(sizeMib)} MiB: ${describeError(error)}`);
    }
  }
  return later;
}

/** A limit below what is used is put off, not forced: the guest would be killed for it. */
async function limit(w: GuestWiring, record: GuestRecord, hardware: LiveHardware, promised: Promised, later: string[]): Promise<void> {
  try {
    await hardware.limit(limitsOf(record.spec, promised.memoryMib + w.parts.hypervisor.overheadMib(promised)));
  } catch (error) {
    if (!(error instanceof CaissonError) || error.code !== 'not-allowed') throw error;
    later.push(`the limit of its memory: ${describeError(error)}`);
  }
}

function describeAction(action: LiveAction): string {
  switch (action.kind) {
    case 'memory':
      return 'memory';
    case 'cpus':
      return `processors → ${action.count}`;
    case 'attach-disk':
      return `disk ${action.name} (plug in)`;
    case 'detach-disk':
      return `disk ${action.name} (unplug)`;
    case 'attach-nic':
      return `nic in zone ${action.zone} (plug in)`;
    case 'detach-nic':
      return 'a nic that is not wished any more (unplug)';
  }
}

function figure(mib: number): string {
  return mib.toLocaleString('en');
}
