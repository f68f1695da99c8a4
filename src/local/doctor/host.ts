// The machine as the doctor sees it: a parameter, so that every bad verdict can be tried.
import { access, constants, readFile, stat, statfs } from 'node:fs/promises';
import { lookup } from 'node:dns/promises';
import { arch, hostname, release } from 'node:os';
import { dirname } from 'node:path';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { run, type RunOptions, type RunResult } from '../../lib/exec.ts';

/** What a small guest under KVM did. */
export interface KvmProbeResult {
  works: boolean;
  /** For people: `a guest came up in 0.8 s`, or what it did instead. */
  detail: string;
}

export interface FileSystemSpace {
  freeBytes: number;
  freeFiles: number;
  /** Lives in memory: gone after a restart. */
  volatile: boolean;
}

export interface DoctorHost {
  readonly isRoot: boolean;
  readonly architecture: string;
  readonly kernel: string;
  readonly hostName: string;
  readonly clock: Clock;
  /** Undefined when the file is not there or may not be read. */
  read(path: string): Promise<string | undefined>;
  exists(path: string): Promise<boolean>;
  canUse(path: string): Promise<boolean>;
  /** As `run` of lib/exec.ts. */
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult>;
  /** Of the file system that a path lies on, or will lie on. */
  space(path: string): Promise<FileSystemSpace>;
  /** Addresses of a name; throws when it has none. */
  lookUp(name: string): Promise<string[]>;
  /** Boots a small guest under KVM; undefined when this program cannot. */
  probeKvm: (() => Promise<KvmProbeResult>) | undefined;
}

const volatileTypes = new Set([0x01021994, 0x858458f6]); // tmpfs, ramfs

export function systemHost(probeKvm?: () => Promise<KvmProbeResult>): DoctorHost {
  return {
    isRoot: process.getuid?.() === 0,
    architecture: arch(),
    kernel: release(),
    hostName: hostname(),
    clock: systemClock,
    read: (path) => readFile(path, 'utf8').catch(() => undefined),
    exists: (path) => works(stat(path)),
    canUse: (path) => works(access(path, constants.R_OK | constants.W_OK)),
    run,
    async space(path) {
      let existing = path;
      while (existing !== dirname(existing) && !(await works(stat(existing)))) existing = dirname(existing);
      const { bavail, bsize, ffree, files, type } = await statfs(existing);
      // File systems without a table of files (btrfs, overlay on it) say 0 of 0.
      return { freeBytes: bavail * bsize, freeFiles: files === 0 ? Infinity : ffree, volatile: volatileTypes.has(type) };
    },
    lookUp: async (name) => (await lookup(name, { all: true })).map(({ address }) => address),
    probeKvm,
  };
}

async function works(promise: Promise<unknown>): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch {
    return false;
  }
}
