// Root in an ordinary process, for attempts that a jail stops: only what it mounts and how it names the machine is its own.
//
// An attempt that succeeds may leave further processes: whatever is forked or cloned in it goes on sleeping as it does, and does not end with
// it. All of them are of its process group, from which no attempt leaves, and end with that.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { waitFor } from '../../src/lib/wait-for.ts';

/** What Perl sleeps in, and what QEMU waits in; numbers on x86-64. */
const waits = { pselect6: '270', ppoll: '271' };

export function isInCall(pid: number, call: keyof typeof waits): boolean {
  return readFileSync(`/proc/${pid}/syscall`, 'latin1').split(' ')[0] === waits[call];
}

/** Gives `work` the process id of one that sleeps; nothing of it is left afterwards, whatever came of it. */
export async function withOrdinaryProcess<T>(work: (pid: number) => Promise<T>): Promise<T> {
  const child: ChildProcess = spawn('unshare', ['--mount', '--uts', '--', 'perl', '-e', 'select undef, undef, undef, 0.1 while 1'], {
    stdio: 'ignore',
    detached: true,
  });
  await once(child, 'spawn');
  const pid = child.pid as number;
  const gone = once(child, 'exit');
  try {
    await waitFor('it sleeps', () => isPerl(pid) && isInCall(pid, 'pselect6'), { timeoutMs: 5000, everyMs: 2 });
    return await work(pid);
  } finally {
    killIfThere(-pid);
    await gone;
    await waitFor('all that it became is gone', () => livingIn(pid).length === 0, { timeoutMs: 5000, everyMs: 2 });
  }
}

/** A process, or a group by its negative: some attempts end it by themselves, at any moment. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isPerl(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'latin1') === 'perl\n';
}

/** Processes of a group; those that have ended and wait to be asked how are none. */
function livingIn(group: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state = '', , itsGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(itsGroup) === group && state !== 'Z' && state !== 'X' ? [Number(name)] : [];
    } catch {
      return []; // it ended while being read
    }
  });
}
