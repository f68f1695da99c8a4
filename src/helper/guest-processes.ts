// The guests' processes: which there are (control groups say it, never a file), signals to them, and the word when one ends. One that
// this helper has started tells by itself; one that an earlier helper started is looked at five times a second.
import type { ChildProcess } from 'node:child_process';
import { CaissonError } from '../lib/errors.ts';
import { uidPattern } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import type { GuestProcess, HelperEvent } from '../model/helper-protocol.ts';
import type { Cgroups } from './cgroups.ts';
import { readProcess, readProcessUser, startedAt } from './process-stat.ts';

const adoptedEveryMs = 200;

interface Known {
  pid: number;
  userId: number;
  startTime: number;
  said: () => Promise<string>;
  adopted: boolean;
}

export class GuestProcesses {
  readonly #cgroups: Cgroups;
  readonly #emit: (event: HelperEvent) => void;
  readonly #log: Log;
  readonly #known = new Map<string, Known>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { cgroups: Cgroups; emit: (event: HelperEvent) => void; log: Log }) {
    this.#cgroups = options.cgroups;
    this.#emit = options.emit;
    this.#log = options.log;
  }

  /** The living processes of all guests, from the control groups. */
  list(): Omit<GuestProcess, 'generation'>[] {
    const found: Omit<GuestProcess, 'generation'>[] = [];
    for (const [uid, pids] of this.#cgroups.processes()) {
      if (!uidPattern.test(uid)) continue;
      for (const pid of pids) {
        const stat = readProcess(pid);
        if (stat) found.push({ uid, pid, startTime: stat.startTime, startedAt: startedAt(stat.startTime) });
      }
    }
    return found;
  }

  of(uid: string): { pid: number; startTime: number } | undefined {
    for (const pid of this.#cgroups.processesOf(uid)) {
      const stat = readProcess(pid);
      if (stat) return stat;
    }
    return undefined;
  }

  /** Watches what runs already. */
  adopt(said: (uid: string) => Promise<string>): void {
    for (const { uid, pid, startTime } of this.list()) {
      this.#known.set(uid, { pid, userId: readProcessUser(pid), startTime, said: () => said(uid), adopted: true });
      this.#log.info('a guest runs already', { uid, pid });
    }
    this.#watchAdopted();
  }

  /** Watches a process that this helper has started. */
  watch(process: { uid: string; userId: number; startTime: number; child: ChildProcess; said: () => Promise<string> }): void {
    const { child, said, startTime, uid, userId } = process;
    const pid = child.pid as number;
    this.#known.set(uid, { pid, userId, startTime, said, adopted: false });
    child.once('exit', (code, signal) => void this.#ended(uid, pid, { code, signal }));
  }

  /** The running guest that has this Unix user: two of one user could read each other's memory. */
  holderOf(userId: number): string | undefined {
    // One that has just ended is known until its end is told: the guest may be started again before that.
    return [...this.#known].find(([, known]) => known.userId === userId && readProcess(known.pid)?.startTime === known.startTime)?.[0];
  }

  /**
   * Signals the process only if it is that one still: its control group and its start time say so. `invalid` for a process that
   * was never the guest's.
   */
  kill(uid: string, pid: number, startTime: number, signal: 'TERM' | 'KILL'): 'signalled' | 'already-gone' {
    const stat = readProcess(pid);
    if (!stat || stat.startTime !== startTime) return 'already-gone';
    if (!this.#cgroups.processesOf(uid).includes(pid)) throw new CaissonError('invalid', `process ${pid} is not one of guest ${uid}`);
    process.kill(pid, `SIG${signal}`);
    return 'signalled';
  }

  /** Lets go of all; they run on. */
  close(): void {
    clearInterval(this.#timer);
    this.#known.clear();
  }

  async #ended(uid: string, pid: number, exit?: { code: number | null; signal: string | null }): Promise<void> {
    const known = this.#known.get(uid);
    if (known?.pid !== pid) return;
    this.#known.delete(uid);
    const said = await known.said().catch(() => '');
    this.#log.info('a guest has ended', { uid, pid, ...exit });
    this.#emit({ event: 'guest-exited', uid, pid, startTime: known.startTime, ...(exit && { exit }), said });
  }

  #watchAdopted(): void {
    if (this.#timer || ![...this.#known.values()].some((known) => known.adopted)) return;
    this.#timer = setInterval(() => {
      const adopted = [...this.#known].filter(([, known]) => known.adopted);
      for (const [uid, process] of adopted) if (hasEnded(process)) void this.#ended(uid, process.pid);
      if (adopted.length > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, adoptedEveryMs);
  }
}

function hasEnded({ pid, startTime }: Pick<Known, 'pid' | 'startTime'>): boolean {
  try {
    return readProcess(pid)?.startTime !== startTime;
  } catch {
    return false; // it is looked at again
  }
}
