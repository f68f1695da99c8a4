// Limits of a guest's process, and the truth about which processes are guests: every QEMU is in a group of its own, put there
// before it is executed. Works on version 2, on version 1 and on hosts that have both (hybrid). The groups are
// `caisson/<data directory>/<uid>` at the root of each hierarchy, outside of any service's group, so that stopping
// a service does not stop guests.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { CaissonError } from '../lib/errors.ts';
import { waitFor } from '../lib/wait-for.ts';

export interface GroupLimits {
  memoryMib: number;
  cpuWeight: number;
  /** In processors; absent: none. */
  cpuLimit?: number;
  pids: number;
}

/** What a group uses, as its files tell. */
export interface GroupUsage {
  memoryBytes: number;
  /** Absent where the kernel does not count it. */
  swapBytes?: number;
}

/** A guest does not run without these. */
const required = ['memory', 'cpu', 'pids'] as const;
/** The share of the disks is set where the kernel has one (which counts where a disk's scheduler is BFQ, or with io.cost). */
const wanted = [...required, 'io'] as const;
type Controller = (typeof wanted)[number];
/** What version 1 calls them. */
const oldNames: Record<Controller, string> = { memory: 'memory', cpu: 'cpu', pids: 'pids', io: 'blkio' };

export interface CgroupLayout {
  kind: 'v1' | 'hybrid' | 'v2' | 'none';
  /** Mount point of version 2, whether or not it has controllers. */
  unified?: string;
  /** Mount points of version 1, by controller. */
  v1: Partial<Record<Controller, string>>;
}

/** Where the hierarchies are mounted, from /proc/self/mountinfo. */
export function parseCgroupMounts(mountinfo: string): CgroupLayout {
  const layout: CgroupLayout = { kind: 'none', v1: {} };
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    const mountPoint = before?.split(' ')[4];
    const [type, , options] = after?.split(' ') ?? [];
    if (!mountPoint) continue;
    if (type === 'cgroup2') layout.unified ??= mountPoint;
    if (type !== 'cgroup') continue;
    for (const controller of wanted) if (options?.split(',').includes(oldNames[controller])) layout.v1[controller] ??= mountPoint;
  }
  const hasV1 = Object.keys(layout.v1).length > 0;
  layout.kind = layout.unified ? (hasV1 ? 'hybrid' : 'v2') : hasV1 ? 'v1' : 'none';
  return layout;
}

const periodUs = 100_000;

/** The kernel takes no less than a millisecond. */
function quotaUs(processors: number): string {
  return String(Math.max(1000, Math.round(processors * periodUs)));
}

/**
 * Files to write for the limits, relative to the group; `shares` of version 1 are 1,024 where a weight is 100. A guest has one
 * share, of processors and disks alike.
 */
export function renderLimits(
  controller: Controller,
  version: 1 | 2,
  limits: GroupLimits,
): [file: string, value: string, optional?: true][] {
  const bytes = String(limits.memoryMib * 1024 * 1024);
  // A kernel without bandwidth control does not keep a guest from running that asks for none.
  const mayMiss: [true?] = limits.cpuLimit === undefined ? [true] : [];
  switch (controller) {
    case 'memory':
      return version === 2
        ? [
            ['memory.max', bytes],
            ['memory.swap.max', '0', true],
            ['memory.oom.group', '1', true],
          ]
        : [
            ['memory.limit_in_bytes', bytes],
            // Memory and swap together; only where the kernel counts swap.
            ['memory.memsw.limit_in_bytes', bytes, true],
            ['memory.swappiness', '0', true],
          ];
    case 'cpu':
      return version === 2
        ? [
            ['cpu.weight', String(limits.cpuWeight)],
            ['cpu.max', limits.cpuLimit === undefined ? `max ${periodUs}` : `${quotaUs(limits.cpuLimit)} ${periodUs}`, ...mayMiss],
          ]
        : [
            ['cpu.shares', String(Math.min(262_144, Math.max(2, Math.round((limits.cpuWeight * 1024) / 100))))],
            ['cpu.cfs_quota_us', limits.cpuLimit === undefined ? '-1' : quotaUs(limits.cpuLimit), ...mayMiss],
          ];
    case 'pids':
      return [['pids.max', String(limits.pids)]];
    case 'io':
      return version === 2
        ? [
            ['io.weight', String(limits.cpuWeight), true],
            ['io.bfq.weight', String(Math.min(1000, limits.cpuWeight)), true],
          ]
        : [['blkio.bfq.weight', String(Math.min(1000, limits.cpuWeight)), true]];
  }
}

export class Cgroups {
  readonly layout: CgroupLayout;
  /** Name of the data directory's group. */
  readonly #owner: string;

  constructor(layout: CgroupLayout, owner: string) {
    this.layout = layout;
    this.#owner = owner;
  }

  static read(owner: string): Cgroups {
    return new Cgroups(parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8')), owner);
  }

  /** Limits that can be set here. */
  controllers(): Controller[] {
    const unified = this.#unifiedControllers();
    return wanted.filter((controller) => this.layout.v1[controller] !== undefined || unified.has(controller));
  }

  /**
   * Makes the guest's group with its limits; anew when it is there. A limit that cannot be set is `missing` (no such controller)
   * or `failed`: a guest does not run unlimited.
   */
  create(uid: string, limits: GroupLimits): void {
    const unified = this.#unifiedControllers();
    if (this.layout.unified) this.#delegate(this.layout.unified, unified);
    for (const group of this.#groups(uid)) mkdirSync(group, { recursive: true });
    this.#write(uid, limits);
  }

  /**
   * Other limits for a group that is in use. `not-allowed` when more memory is used than there shall be: version 2 would kill the
   * guest for it.
   */
  change(uid: string, limits: GroupLimits): void {
    const used = this.readUsage(uid)?.memoryBytes ?? 0;
    const bytes = limits.memoryMib * 1024 * 1024;
    if (used > bytes) {
      const figure = (value: number) => Math.ceil(value / 1024 / 1024).toLocaleString('en');
      throw new CaissonError('not-allowed', `guest ${uid} uses ${figure(used)} MiB: it cannot be limited to ${figure(bytes)}`);
    }
    this.#write(uid, limits);
  }

  /** Undefined when it has no group. */
  readUsage(uid: string): GroupUsage | undefined {
    const v1 = this.layout.v1.memory;
    const group = `${v1 ?? this.layout.unified}/${this.#path(uid)}`;
    // What the kernel keeps of files is given back at once when it is wanted.
    const stat = readFlat(`${group}/memory.stat`);
    if (!stat) return undefined;
    const all = readLimit(`${group}/${v1 === undefined ? 'memory.current' : 'memory.usage_in_bytes'}`) ?? 0;
    const cached = stat.get('inactive_file') ?? 0;
    const swapBytes = v1 === undefined ? readLimit(`${group}/memory.swap.current`) : stat.get('swap');
    return { memoryBytes: Math.max(0, all - cached), ...(swapBytes === undefined ? {} : { swapBytes }) };
  }

  #write(uid: string, limits: GroupLimits): void {
    const unified = this.#unifiedControllers();
    const files: [path: string, value: string, mayMiss: true | undefined][] = [];
    for (const controller of wanted) {
      const v1 = this.layout.v1[controller];
      const root = v1 ?? (unified.has(controller) ? this.layout.unified : undefined);
      if (root === undefined) {
        if (controller === 'io') continue;
        throw new CaissonError(
          'missing',
          `the ${controller} of a guest cannot be limited: this kernel offers no ${controller} control group`,
        );
      }
      for (const [file, value, mayFail] of renderLimits(controller, v1 === undefined ? 2 : 1, limits)) {
        const path = `${root}/${this.#path(uid)}/${file}`;
        files.push([path, value, mayFail]);
      }
    }
    // Memory alone may never be more than memory with swap: the one that is raised goes first.
    const memsw = files.findIndex(([path]) => path.endsWith('memory.memsw.limit_in_bytes'));
    const [limit, both] = [files[memsw - 1], files[memsw]];
    if (limit && both && existsSync(both[0]) && Number(both[1]) > (readLimit(limit[0]) ?? Number.MAX_SAFE_INTEGER)) {
      files[memsw - 1] = both;
      files[memsw] = limit;
    }
    for (const [path, value, mayFail] of files) if (!mayFail || existsSync(path)) writeLimit(path, value);
  }

  /** What the kernel says that the limits of the guest's group are; without those that do not limit. */
  readLimits(uid: string): { memoryBytes?: number; pids?: number; cpuWeight?: number; ioWeight?: number } {
    const unified = this.#unifiedControllers();
    const read = (controller: Controller, files: { v1: string[]; v2: string[] }) => {
      const v1 = this.layout.v1[controller];
      const root = v1 ?? (unified.has(controller) ? this.layout.unified : undefined);
      if (root === undefined) return undefined;
      return (v1 === undefined ? files.v2 : files.v1).map((file) => readLimit(`${root}/${this.#path(uid)}/${file}`)).find(Boolean);
    };
    const shares = read('cpu', { v1: ['cpu.shares'], v2: [] });
    const limits = {
      memoryBytes: read('memory', { v1: ['memory.limit_in_bytes'], v2: ['memory.max'] }),
      pids: read('pids', { v1: ['pids.max'], v2: ['pids.max'] }),
      cpuWeight: shares === undefined ? read('cpu', { v1: [], v2: ['cpu.weight'] }) : Math.round((shares * 100) / 1024),
      ioWeight: read('io', { v1: ['blkio.bfq.weight'], v2: ['io.weight', 'io.bfq.weight'] }),
    };
    return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined));
  }

  /** Puts a process into the guest's group in every hierarchy. */
  async join(uid: string, pid: number): Promise<void> {
    for (const group of this.#groups(uid)) {
      // The kernel waits for all processors here (10 ms and more): not in our only thread.
      await writeFile(`${group}/cgroup.procs`, String(pid)).catch((cause: unknown) => {
        throw new CaissonError('failed', `cannot put process ${pid} into ${group}`, { cause });
      });
    }
  }

  /** The processes in the group of each guest that has a group. */
  processes(): Map<string, number[]> {
    const root = this.#identity();
    const folder = root === undefined ? undefined : `${root}/caisson/${this.#owner}`;
    if (folder === undefined || !existsSync(folder)) return new Map();
    const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return new Map(names.map((entry) => [entry.name, readProcs(`${folder}/${entry.name}`)]));
  }

  processesOf(uid: string): number[] {
    const root = this.#identity();
    return root === undefined ? [] : readProcs(`${root}/${this.#path(uid)}`);
  }

  /** Removes the group of a guest without a process; waits for the last of it to be gone. */
  async remove(uid: string): Promise<void> {
    for (const group of this.#groups(uid)) {
      await waitFor(`${group} is empty`, () => removeGroup(group), { timeoutMs: 5000, everyMs: 20 });
    }
  }

  /** Removes what is left of all groups of this data directory, and the common parent when it is empty. */
  async removeAll(): Promise<void> {
    for (const root of this.#roots()) {
      const folder = `${root}/caisson/${this.#owner}`;
      if (!existsSync(folder)) continue;
      for (const entry of readdirSync(folder, { withFileTypes: true })) {
        if (entry.isDirectory())
          await waitFor(`${entry.name} is empty`, () => removeGroup(`${folder}/${entry.name}`), { timeoutMs: 5000, everyMs: 20 });
      }
      removeGroup(folder);
      removeGroup(`${root}/caisson`);
    }
  }

  #path(uid: string): string {
    return `caisson/${this.#owner}/${uid}`;
  }

  #roots(): string[] {
    return [...new Set([this.layout.unified, ...Object.values(this.layout.v1)].filter((root) => root !== undefined))];
  }

  #groups(uid: string): string[] {
    return this.#roots().map((root) => `${root}/${this.#path(uid)}`);
  }

  #identity(): string | undefined {
    return this.#roots()[0];
  }

  #unifiedControllers(): Set<string> {
    if (!this.layout.unified) return new Set();
    return new Set(readFileSync(`${this.layout.unified}/cgroup.controllers`, 'latin1').trim().split(' '));
  }

  /** Version 2 hands a controller to children only where the parent says so. */
  #delegate(root: string, available: Set<string>): void {
    const asked = wanted.filter((controller) => available.has(controller) && !this.layout.v1[controller]);
    const folders = [root, `${root}/caisson`, `${root}/caisson/${this.#owner}`];
    for (const folder of folders) {
      mkdirSync(folder, { recursive: true });
      if (asked.length === 0) continue;
      const given = readFileSync(`${folder}/cgroup.subtree_control`, 'latin1').trim().split(' ');
      const more = asked.filter((controller) => !given.includes(controller));
      if (more.length > 0) writeLimit(`${folder}/cgroup.subtree_control`, more.map((controller) => `+${controller}`).join(' '));
    }
  }
}

function writeLimit(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (cause) {
    throw new CaissonError('failed', `cannot write ${value} to ${path}`, { cause });
  }
}

/** The number in a control file (`default 100` in some); undefined when it is not there, or says that there is no limit. */
function readLimit(path: string): number | undefined {
  if (!existsSync(path)) return undefined;
  const value = Number(/\d+/.exec(readFileSync(path, 'latin1'))?.[0] ?? Number.NaN);
  // Version 1 has no word for “none”: the most that it can count, rounded to pages.
  return Number.isSafeInteger(value) ? value : undefined;
}

/** A file of lines `name value`; undefined when it is not there. */
function readFlat(path: string): Map<string, number> | undefined {
  if (!existsSync(path)) return undefined;
  const lines = readFileSync(path, 'latin1').matchAll(/^(\S+) (\d+)$/gm);
  return new Map([...lines].map(([, name = '', value]) => [name, Number(value)]));
}

function readProcs(group: string): number[] {
  try {
    return readFileSync(`${group}/cgroup.procs`, 'latin1').split('\n').filter(Boolean).map(Number);
  } catch (error) {
    // ENODEV: removed between the opening and the reading.
    if (['ENOENT', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}

/** True when the group is gone; false while something is in it. */
function removeGroup(group: string): boolean {
  try {
    rmdirSync(group);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return true;
    if (code === 'EBUSY' || code === 'ENOTEMPTY') return false;
    throw error;
  }
}
