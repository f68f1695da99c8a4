// How a guest goes down: asked by its agent, then by its power button, then its power is cut. Whoever calls holds the guest's lock.
import { CaissonError } from '../lib/errors.ts';
import { within } from '../lib/within.ts';
import type { GuestObserver } from './guest-observer.ts';
import type { GuestWiring } from './guest-wiring.ts';
import type { StepContext } from './job-context.ts';

const agentShutdownMs = 5000;

/** How a guest went down. */
export type ShutdownWay = 'was not running' | 'agent' | 'power button' | 'power cut';

/** Throws `timeout` when the guest does not go within the time and `force` does not say to cut its power; it then runs on. */
export async function shutDownGuest(
  w: GuestWiring,
  observer: GuestObserver,
  uid: string,
  options: { timeoutMs: number; force: boolean },
  job: StepContext,
): Promise<ShutdownWay> {
  const { board, site } = w;
  const { power } = board.get(uid);
  if (power === 'stopped' || power === 'crashed') return 'was not running';
  const { name } = site.guest(uid);
  try {
    return await observer.whileStopping(uid, async () => {
      const way = power === 'unresponsive' ? undefined : await ask(w, uid, options.timeoutMs, job);
      if (way) return way;
      if (!options.force)
        throw new CaissonError(
          'timeout',
          `guest ${name} did not shut down within ${options.timeoutMs / 1000} s; “caisson guest stop ${name}” cuts its power`,
        );
      await cutPower(w, uid, job.signal);
      return 'power cut';
    });
  } catch (error) {
    if (board.get(uid).power === 'stopping') await runsOn(w, observer, uid);
    throw error;
  }
}

/** It was asked in vain: it is what it was before. */
async function runsOn({ parts, readiness }: GuestWiring, observer: GuestObserver, uid: string): Promise<void> {
  const observation = await parts.hypervisor.observe(uid);
  observer.observed(uid, observation);
  if (observation.state === 'running') readiness.watch(uid);
}

/** Returns once the process is gone. */
export async function cutPower({ parts, board }: GuestWiring, uid: string, signal: AbortSignal): Promise<void> {
  await parts.hypervisor.stop(uid);
  const { power } = board.get(uid);
  if (power !== 'stopped' && power !== 'crashed') await gone({ board }, uid, signal);
}

/** Undefined when the guest did not go within the time. */
async function ask(w: GuestWiring, uid: string, timeoutMs: number, job: StepContext): Promise<ShutdownWay | undefined> {
  const { parts, board, readiness } = w;
  board.set(uid, { power: 'stopping', ready: false, reason: 'shuts down' });
  readiness.stop(uid);
  const until = parts.clock.monotonic() + timeoutMs;
  let way: ShutdownWay = 'power button';
  try {
    await parts.hypervisor.agent(uid).shutdown(agentShutdownMs);
    way = 'agent';
  } catch {
    await parts.hypervisor.pressPowerButton(uid);
  }
  const left = Math.max(1, until - parts.clock.monotonic());
  return (await within(parts.clock, left, job.signal, (signal) => gone(w, uid, signal))) ? way : undefined;
}

function gone({ board }: Pick<GuestWiring, 'board'>, uid: string, signal: AbortSignal): Promise<unknown> {
  return board.until(uid, ({ power }) => power === 'stopped' || power === 'crashed', signal);
}
