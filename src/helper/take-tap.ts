// Moving a tap out of a starting guest's own network namespace into the guests' network. QEMU has it open by then; it keeps the
// open tap and a namespace with nothing in it.
import { CaissonError, toCaissonError } from '../lib/errors.ts';
import type { RunResult } from '../lib/exec.ts';
import { isTapOf } from './check-arguments.ts';
import type { GuestProcesses } from './guest-processes.ts';
import type { NetworkNamespace } from './network-namespace.ts';

/** Runs a program in the guests' network. */
export type RunInGuestsNetwork = (argv: readonly [string, ...string[]], options?: { okCodes?: readonly number[] }) => Promise<RunResult>;

/** True when it was moved, false when it is in the guests' network already; `not-allowed` without a process that has it. */
export async function takeTap(
  uid: string,
  tap: string,
  parts: { processes: GuestProcesses; namespace: NetworkNamespace },
  run: RunInGuestsNetwork,
): Promise<boolean> {
  if (!isTapOf(uid, tap)) throw new CaissonError('invalid', `${tap} is not a tap of guest ${uid}`);
  const guest = parts.processes.of(uid);
  const target = parts.namespace.name ?? String(process.pid);
  const failure = guest
    ? await move(run, guest.pid, tap, target)
    : new CaissonError('not-allowed', `guest ${uid} has no process that holds ${tap}`);
  // Mostly it is where it should be taken from, so that is tried first.
  if (failure && !(await isInGuestsNetwork(run, tap))) throw failure;
  return !failure;
}

async function move(run: RunInGuestsNetwork, pid: number, tap: string, target: string): Promise<CaissonError | undefined> {
  try {
    await run(['nsenter', `--net=/proc/${pid}/ns/net`, '--', 'ip', 'link', 'set', 'dev', tap, 'netns', target]);
    return undefined;
  } catch (error) {
    return toCaissonError(error);
  }
}

async function isInGuestsNetwork(run: RunInGuestsNetwork, tap: string): Promise<boolean> {
  const { code } = await run(['test', '-e', `/proc/sys/net/ipv4/conf/${tap}`], { okCodes: [0, 1] });
  return code === 0;
}
