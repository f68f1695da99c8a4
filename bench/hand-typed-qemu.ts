// The QEMU command of a guest as somebody would type it: the same arguments, with folders and tap made beforehand, run by root without
// any of what the helper puts around it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentAnswers } from './agent-answers.ts';
import { gone } from './process-times.ts';

export class HandTypedQemu {
  /** Its network namespace: a tap of the same name lies there. */
  readonly netns: string;
  readonly tap: string;
  readonly argv: readonly string[];
  /** Holds copies of the guest's disks. */
  readonly folder: string;
  #child: ChildProcess | undefined;

  /** Of a guest that has run and does not now; `runDirectory` is that of all guests. `netns` is made, and removed. */
  constructor(guest: { uid: string; dataDirectory: string; runDirectory: string }, netns = 'caisson-bench-raw') {
    this.netns = netns;
    const { uid, dataDirectory, runDirectory } = guest;
    const guestFolder = join(dataDirectory, 'guests', uid);
    this.tap = `cs${uid}0`;
    this.folder = mkdtempSync(join(tmpdir(), 'caisson-bench-raw-'));
    const { argv } = JSON.parse(readFileSync(join(guestFolder, 'launch-process.json'), 'utf8')) as { argv: string[] };
    this.argv = argv.map((word) =>
      word.replaceAll(guestFolder, join(this.folder, 'disks')).replaceAll(join(runDirectory, uid), join(this.folder, 'run')),
    );
    cpSync(guestFolder, join(this.folder, 'disks'), { recursive: true });
    mkdirSync(join(this.folder, 'run'));
    execFileSync('ip', ['netns', 'add', this.netns]);
    this.addTap(this.tap);
  }

  addTap(name: string): void {
    execFileSync('ip', ['-n', this.netns, 'tuntap', 'add', 'dev', name, 'mode', 'tap']);
    execFileSync('ip', ['-n', this.netns, 'link', 'set', 'dev', name, 'up']);
  }

  /** Milliseconds until the guest's agent answers. */
  async start(): Promise<number> {
    const run = join(this.folder, 'run');
    rmSync(run, { recursive: true });
    mkdirSync(run);
    const startedAt = performance.now();
    const child = spawn('nsenter', [`--net=/run/netns/${this.netns}`, '--', ...this.argv], { stdio: 'ignore', detached: true });
    this.#child = child;
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined);
    child.once('exit', (code) => ended.reject(new Error(`QEMU ended with ${code}`)));
    await Promise.race([agentAnswers(join(run, 'agent.sock')), ended.promise]);
    return performance.now() - startedAt;
  }

  /** Milliseconds until the process is gone. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number> {
    const child = this.#child;
    if (child?.pid === undefined) throw new Error('QEMU was not started');
    this.#child = undefined;
    const endedAt = performance.now();
    child.kill(signal);
    await gone(child.pid);
    return performance.now() - endedAt;
  }

  async close(): Promise<void> {
    if (this.#child) await this.end('SIGKILL');
    execFileSync('ip', ['netns', 'delete', this.netns]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
