// Moving a tap out of a starting guest's own network namespace into the guests' network. QEMU has it open by then; it keeps the
// open tap and a namespace with nothing in it.
import { CaissonError, toCaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';
import { isTapOf } from './check-arguments.ts';
import type { GuestProcesses } from './guest-processes.ts';
import type { NetworkNamespace } from './network-namespace.ts';

/** True when it was moved, false when it is in the guests' network already; `not-allowed` without a process that has it. */
export async function takeTap(
  uid: string,
  tap: string,
  parts: { processes: GuestProcesses; namespace: NetworkNamespace },
): Promise<boolean> {
  if (!isTapOf(uid, tap)) throw new CaissonError('invalid', `${tap} is not a tap of guest ${uid}`);
  const guest = parts.processes.of(uid);
  const target = parts.namespace.name ?? String(process.pid);
  const failure = guest
    ? await move(guest.pid, tap, target)
    : new CaissonError('not-allowed', `guest ${uid} has no process that holds ${tap}`);
  // Mostly it is where it should be taken from, so that is tried first.
  if (failure && !(await isInGuestsNetwork(parts.namespace, tap))) throw failure;
  return !failure;
}

async function move(pid: number, tap: string, target: string): Promise<CaissonError | undefined> {
  try {
    await run(['nsenter', `--net=/proc/${pid}/ns/net`, '--', 'ip', 'link', 'set', 'dev', tap, 'netns', target]);
    return undefined;
  } catch (error) {
    return toCaissonError(error);
  }
}

async function isInGuestsNetwork(namespace: NetworkNamespace, tap: string): Promise<boolean> {
  const [program = 'env', ...rest] = namespace.enter();
  const { code } = await run([program, ...rest, 'test', '-e', `/proc/sys/net/ipv4/conf/${tap}`], { okCodes: [0, 1] });
  return code === 0;
}
