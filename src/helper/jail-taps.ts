// Taps in a running guest's own network namespace: a nic that is plugged in while the guest runs. QEMU opens its tap there by name, as at its
// start, and the network takes it from there. The namespace is empty, so there is nothing else by that name.
import { run } from '../lib/exec.ts';

/** Does nothing when it is there. */
export async function giveTap({ pid, userId, tap }: { pid: number; userId: number; tap: string }): Promise<void> {
  if (await isThere(pid, tap)) return;
  await inside(pid, ['ip', 'tuntap', 'add', 'dev', tap, 'mode', 'tap', 'user', String(userId)]);
}

/** Does nothing when it is not there. */
export async function dropTap(pid: number, tap: string): Promise<void> {
  if (await isThere(pid, tap)) await inside(pid, ['ip', 'link', 'delete', 'dev', tap]);
}

async function isThere(pid: number, tap: string): Promise<boolean> {
  const { stdout } = await inside(pid, ['ip', '-o', 'link', 'show']);
  return stdout.split('\n').some((line) => line.split(': ')[1] === tap);
}

function inside(pid: number, command: string[]): Promise<{ stdout: string }> {
  return run(['nsenter', `--net=/proc/${pid}/ns/net`, '--', ...command]);
}
