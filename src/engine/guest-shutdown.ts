// How a guest goes down: asked by its agent, then by its power button, each for its own time, then its power is cut. Whoever calls holds
// the guest's lock.
import { CaissonError } from '../lib/errors.ts';
import { within } from '../lib/within.ts';
import { formatDuration } from '../lib/units.ts';
import type { GuestShutdown } from '../model/guest-shutdown.ts';
import type { GuestObserver } from './guest-observer.ts';
import type { GuestWiring } from './guest-wiring.ts';
import type { StepContext } from './job-context.ts';

/** The agent says at once that it has heard; one that does not is not there. */
const agentAnswerMs = 5000;

/** The end of a process is told at once; a start that is being prepared may take a moment to give up. */
const toldWithinMs = 30_000;

/** How a guest went down. */
export type ShutdownWay = 'was not running' | 'agent' | 'power button' | 'power cut';

export interface ShutdownOptions {
  /** How long each way of asking may take; absent: its power is cut at once. */
  limits?: GuestShutdown;
  /** Cut its power when it does not go. */
  force: boolean;
}

/** Throws `timeout` when the guest does not go within its limits and `force` does not say to cut its power; it then runs on. */
export async function shutDownGuest(
  w: GuestWiring,
  observer: GuestObserver,
  uid: string,
  { limits, force }: ShutdownOptions,
  job: StepContext,
): Promise<ShutdownWay> {
  const { board, site } = w;
  const { power } = board.get(uid);
  if (power === 'stopped' || power === 'crashed') return 'was not running';
  const { name } = site.guest(uid);
  try {
    return await observer.whileStopping(uid, async () => {
      const way = limits && (await ask(w, uid, limits, job));
      if (way) return way;
      if (!force) {
        const tried = power === 'halted' || power === 'unresponsive' ? `cannot be asked (it is ${power})` : inVain(limits);
        throw new CaissonError('timeout', `guest ${name} ${tried}; “caisson guest stop ${name}” cuts its power`);
      }
      board.set(uid, { reason: 'its power is cut' });
      await cutPower(w, uid, job.signal);
      return 'power cut';
    });
  } catch (error) {
    if (board.get(uid).power === 'stopping') await runsOn(w, observer, uid);
    throw error;
  }
}

function inVain(limits: GuestShutdown | undefined): string {
  const total = limits ? limits.agentMs + limits.powerButtonMs : 0;
  return `did not shut down within ${formatDuration(total)}, asked by its agent and its power button`;
}

/** It was asked in vain: it is what it was before. */
async function runsOn({ parts, readiness }: GuestWiring, observer: GuestObserver, uid: string): Promise<void> {
  const observation = await parts.hypervisor.observe(uid);
  observer.observed(uid, observation);
  if (observation.state === 'running') readiness.watch(uid);
}

/** Returns once the process is gone, and that is known. */
export async function cutPower(w: GuestWiring, uid: string, signal: AbortSignal): Promise<void> {
  const { board, parts, readiness, site } = w;
  await parts.hypervisor.stop(uid);
  if (isGone(w, uid) || (await goneWithin(w, uid, toldWithinMs, signal))) return;
  // One that was lost on the way is not waited for: the process is asked for itself.
  if ((await parts.hypervisor.observe(uid)).state !== 'stopped')
    throw new CaissonError(
      'timeout',
      `guest ${site.guest(uid).name} has not ended ${formatDuration(toldWithinMs)} after its power was cut`,
    );
  readiness.stop(uid);
  board.ended(uid, 'stopped');
}

/** Undefined when the guest did not go within its limits, or cannot be asked. */
async function ask(w: GuestWiring, uid: string, limits: GuestShutdown, job: StepContext): Promise<ShutdownWay | undefined> {
  const { parts, board, readiness } = w;
  const { power } = board.get(uid);
  if (power === 'halted' || power === 'unresponsive') return undefined;
  const tell = (reason: string) => {
    board.set(uid, { power: 'stopping', ready: false, reason });
    job.progress(undefined, reason);
  };
  tell('shuts down: its agent is asked');
  readiness.stop(uid);
  // What is paused hears nothing.
  if (power === 'paused') await parts.hypervisor.resume(uid);
  const agentUntil = parts.clock.monotonic() + limits.agentMs;
  const leftForAgent = () => Math.max(1, agentUntil - parts.clock.monotonic());
  let buttonMs = limits.powerButtonMs;
  try {
    await parts.hypervisor.agent(uid).shutdown(Math.min(agentAnswerMs, limits.agentMs));
    if (await goneWithin(w, uid, leftForAgent(), job.signal)) return 'agent';
  } catch (error) {
    if (job.signal.aborted) throw error;
    // A guest without an agent has all the time for its power button.
    buttonMs += leftForAgent();
  }
  tell('shuts down: its power button is pressed');
  try {
    await parts.hypervisor.pressPowerButton(uid);
  } catch {
    return isGone(w, uid) ? 'agent' : undefined;
  }
  return (await goneWithin(w, uid, buttonMs, job.signal)) ? 'power button' : undefined;
}

function isGone({ board }: Pick<GuestWiring, 'board'>, uid: string): boolean {
  return ['stopped', 'crashed'].includes(board.get(uid).power);
}

function gone({ board }: Pick<GuestWiring, 'board'>, uid: string, signal: AbortSignal): Promise<unknown> {
  return board.until(uid, ({ power }) => power === 'stopped' || power === 'crashed', signal);
}

function goneWithin(w: GuestWiring, uid: string, ms: number, signal: AbortSignal): Promise<boolean> {
  return within(w.parts.clock, ms, signal, (until) => gone(w, uid, until));
}
