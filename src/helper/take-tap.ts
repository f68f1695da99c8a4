// Moving a tap out of a starting guest's own network namespace into the guests' network. QEMU has it open by then; it keeps the
// open tap and a namespace with nothing in it.
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';
import { isTapOf } from './check-arguments.ts';
import type { GuestProcesses } from './guest-processes.ts';
import type { NetworkNamespace } from './network-namespace.ts';

/** Does nothing when the tap is in the guests' network already; `not-allowed` without a process that has it. */
export async function takeTap(uid: string, tap: string, parts: { processes: GuestProcesses; namespace: NetworkNamespace }): Promise<void> {
  if (!isTapOf(uid, tap)) throw new CaissonError('invalid', `${tap} is not a tap of guest ${uid}`);
  const there = await run([...asCommand(parts.namespace), 'test', '-e', `/proc/sys/net/ipv4/conf/${tap}`], { okCodes: [0, 1] });
  if (there.code === 0) return;
  const guest = parts.processes.of(uid);
  if (!guest) throw new CaissonError('not-allowed', `guest ${uid} has no process that holds ${tap}`);
  const target = parts.namespace.name ?? String(process.pid);
  await run(['nsenter', `--net=/proc/${guest.pid}/ns/net`, '--', 'ip', 'link', 'set', 'dev', tap, 'netns', target]);
}

function asCommand(namespace: NetworkNamespace): [string, ...string[]] {
  const [first = 'env', ...rest] = namespace.enter();
  return [first, ...rest];
}
