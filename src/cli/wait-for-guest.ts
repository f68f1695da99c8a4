// `caisson guest wait`: asks the daemon again and again until the guest is where it should be; says on the way why it is not.
import { CaissonError } from '../lib/errors.ts';
import { harmless } from '../lib/harmless.ts';
import { formatDuration } from '../lib/units.ts';
import type { Guest, GuestGoal } from '../model/guest-status.ts';
import type { OutputOptions } from './command.ts';
import type { Connection } from './connection.ts';
import { Ended, exitCodes } from './failure.ts';
import { stateWord } from './guest-state.ts';
import type { Io } from './io.ts';
import { renderValue } from './output.ts';

/** Asked anew after this, to hear what it waits for now. */
const askMs = 2000;

const goals: Record<GuestGoal, { is: string; toBe: string }> = {
  ready: { is: 'is ready', toBe: 'be ready' },
  stopped: { is: 'is stopped', toBe: 'be stopped' },
  agent: { is: 'has an agent that answers', toBe: 'have an agent that answers' },
};

export async function waitForGuest(
  io: Io,
  { client }: Connection,
  name: string,
  { output, timeout, for: goal }: OutputOptions & { for: GuestGoal; timeout: number },
): Promise<void> {
  const until = performance.now() + timeout;
  const waiting = new AbortController();
  const stop = io.onInterrupt(() => waiting.abort());
  let told = '';
  try {
    for (;;) {
      const leftMs = Math.max(0, Math.ceil(until - performance.now()));
      const query = { for: goal, timeoutMs: String(Math.min(askMs, leftMs)) };
      const { reached, guest } = await client.call('guestWait', { params: { guest: name }, query }, { signal: waiting.signal });
      if (reached) {
        io.stdout.write(output === 'table' ? `${guest.name} ${goals[goal].is}\n` : await renderValue(guest, output));
        return;
      }
      const why = describe(guest);
      if (performance.now() >= until)
        throw new CaissonError('timeout', `waited ${formatDuration(timeout)} for guest ${guest.name} to ${goals[goal].toBe}: ${why}`);
      if (why !== told) io.stderr.write(harmless(`${why}\n`));
      told = why;
    }
  } catch (error) {
    throw waiting.signal.aborted ? new Ended(exitCodes.interrupted) : error;
  } finally {
    stop();
  }
}

function describe(guest: Guest): string {
  const { reason } = guest.status;
  return `${guest.name} is ${stateWord(guest)}${reason === '' ? '' : `: ${reason}`}`;
}
