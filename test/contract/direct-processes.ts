// Guest processes without the root helper: QEMU is spawned as it is, by the test's own user, and remembered in a file, so
// that a second instance finds what the first one started.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../../src/lib/errors.ts';
import type { GuestExit, GuestProcess, GuestProcesses, GuestProcessStart } from '../../src/drivers/qemu/guest-processes.ts';
import { isAlive } from '../../src/drivers/qemu/process-stat.ts';
import { dropTap, giveTap } from '../../src/helper/jail-taps.ts';

export class DirectProcesses implements GuestProcesses {
  readonly #folder: string;
  readonly #listeners = new Set<(exit: GuestExit) => void>();
  readonly #children = new Set<ChildProcess>();

  /** `folder` holds one folder for each guest. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async start({ uid, argv }: GuestProcessStart): Promise<{ pid: number; startTime: number; startedAt: number }> {
    if ((await this.list()).some((process) => process.uid === uid))
      throw new CaissonError('not-allowed', `guest ${uid} has a process already`);
    const home = join(this.#folder, uid);
    await mkdir(home, { recursive: true });
    const logPath = join(home, 'qemu.log');
    const log = openSync(logPath, 'w');
    // A network namespace of its own, so that no tap of a test is the machine's.
    const child = spawn('unshare', ['--net', '--', ...argv], { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#children.add(child);
    const pid = child.pid as number;
    const startTime = readStartTime(pid);
    const startedAt = Date.now();
    child.once('exit', (code, signal) => {
      this.#children.delete(child);
      const said = existsSync(logPath) ? readFileSync(logPath, 'utf8').slice(-2000) : '';
      for (const listener of this.#listeners) listener({ uid, pid, startTime, exit: { code, signal }, said });
    });
    await writeFile(join(home, 'process.json'), JSON.stringify({ uid, pid, startTime, startedAt } satisfies GuestProcess));
    return { pid, startTime, startedAt };
  }

  async kill(guest: Pick<GuestProcess, 'uid' | 'pid' | 'startTime'>, signal: 'TERM' | 'KILL'): Promise<void> {
    if (await isAlive(guest)) process.kill(guest.pid, `SIG${signal}`);
  }

  async list(): Promise<GuestProcess[]> {
    const found: GuestProcess[] = [];
    for (const uid of await readdir(this.#folder)) {
      const text = await readFile(join(this.#folder, uid, 'process.json'), 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      const guest = JSON.parse(text) as GuestProcess;
      if (await isAlive(guest)) found.push(guest);
    }
    return found;
  }

  /** Nothing is limited or hidden here. */
  async limit(): Promise<void> {}
  async giveFile(): Promise<void> {}
  async takeFile(): Promise<void> {}

  async giveTap({ uid, userId, tap }: { uid: string; userId: number; tap: string }): Promise<void> {
    await giveTap({ pid: await this.#pidOf(uid), userId, tap });
  }

  async takeTap({ uid, tap }: { uid: string; tap: string }): Promise<void> {
    await dropTap(await this.#pidOf(uid), tap);
  }
  async usage(): Promise<Record<string, never>> {
    return {};
  }

  /** Nothing is cut off here. */
  isolation(): ReturnType<GuestProcesses['isolation']> {
    return Promise.resolve({ host: { kernel: '', ksm: 'absent', vulnerabilities: [], controllers: [] }, processes: [] });
  }

  async forget(uid: string): Promise<void> {
    await rm(join(this.#folder, uid), { recursive: true, force: true });
  }

  onExit(listener: (exit: GuestExit) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #pidOf(uid: string): Promise<number> {
    const found = (await this.list()).find((process) => process.uid === uid);
    if (!found) throw new CaissonError('not-allowed', `guest ${uid} has no process`);
    return found.pid;
  }

  /** Forgets its children, as a helper that dies does. */
  abandon(): void {
    this.#listeners.clear();
    for (const child of this.#children) child.unref();
  }
}

function readStartTime(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
}
