// What is there, as a value: processes, control groups, taps, namespaces and files of one data directory, as the kernel tells them.
// Nothing is changed. Root alone sees all of it.
import type { Dirent } from 'node:fs';
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseCgroupMounts } from '../../helper/cgroups.ts';
import { type HostFile, parseHostFile } from '../../helper/data-directory.ts';
import type { LaunchRecord } from '../../helper/guest-files.ts';
import { readBootId, readProcess } from '../../helper/process-stat.ts';
import { registryFolder } from '../../helper/user-id-range.ts';
import { uidPattern } from '../../lib/ids.ts';
import { run } from '../../lib/exec.ts';

export interface SeenProcess {
  pid: number;
  startTime: number;
  userId: number;
  /** File name of the program. */
  program: string;
  argv: readonly string[];
  /** Guest in whose control group it is. */
  group?: string;
  /** Disks of this data directory that it may write. */
  disks: readonly string[];
}

export interface SeenFile {
  name: string;
  userId: number;
  sizeBytes: number;
}

export interface SeenFolder {
  name: string;
  files: readonly SeenFile[];
  /** What the helper wrote down before it executed QEMU the last time. */
  record?: LaunchRecord;
}

export interface Machine {
  dataDirectory: string;
  bootId: string;
  host: HostFile;
  /** Name of the data directory's control groups. */
  owner: string;
  processes: readonly SeenProcess[];
  /** Guests with a control group. */
  groups: readonly { uid: string; path: string; pids: readonly number[] }[];
  /** `namespace` absent: the host's own. */
  taps: readonly { name: string; namespace?: string; userId?: number }[];
  /** Namespace that a helper says it made since the machine started. */
  madeNamespace?: { name: string; exists: boolean };
  /** DHCP and names as the helper wrote them down. */
  names?: { pid: number; startTime: number };
  /** Right in the run directory; undefined: there is none. */
  run?: readonly string[];
  /** Lists of mounts of starts that did not come to their end. */
  unfinishedStarts: readonly string[];
  data: readonly string[];
  guests: readonly SeenFolder[];
  images: readonly string[];
  /** Who has claimed which range of user ids, of the whole machine. */
  ranges: readonly { base: number; holder: string }[];
  users: readonly { name: string; id: number }[];
}

/** Throws what `parseHostFile` throws; `host.json` must be there. */
export async function readMachine(dataDirectory: string): Promise<Machine> {
  const host = parseHostFile(await readFile(join(dataDirectory, 'host.json'), 'utf8'), join(dataDirectory, 'host.json'));
  const { runDirectory } = host;
  const owner = basename(runDirectory);
  const guests = await readFolders(join(dataDirectory, 'guests'));
  const [groups, processes, taps, runEntries, unfinished] = await Promise.all([
    readGroups(owner),
    readProcesses(owner, await identities(dataDirectory, guests)),
    readTaps(),
    names(runDirectory),
    names(join(runDirectory, 'jail')),
  ]);
  const made = await readJson<{ name: string; bootId: string }>(join(runDirectory, 'netns.json'));
  const bootId = readBootId();
  const namespaces = (await names('/run/netns')) ?? [];
  const dnsmasq = await readJson<{ pid: number; startTime: number }>(join(runDirectory, 'network/dnsmasq.json'));
  return {
    dataDirectory,
    bootId,
    host,
    owner,
    processes,
    groups,
    taps,
    ...(made?.bootId === bootId ? { madeNamespace: { name: made.name, exists: namespaces.includes(made.name) } } : {}),
    ...(dnsmasq ? { names: dnsmasq } : {}),
    ...(runEntries ? { run: runEntries } : {}),
    unfinishedStarts: (unfinished ?? []).filter((name) => name.endsWith('.fstab')).map((name) => join(runDirectory, 'jail', name)),
    data: (await names(dataDirectory)) ?? [],
    guests,
    images: (await names(join(dataDirectory, 'images'))) ?? [],
    ranges: await readRanges(),
    users: parseUsers(await readFile('/etc/passwd', 'utf8')),
  };
}

/** Device and inode of each disk → its path. */
async function identities(dataDirectory: string, folders: readonly SeenFolder[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const folder of folders) {
    for (const { name } of folder.files.filter((file) => file.name.endsWith('.qcow2'))) {
      const path = join(dataDirectory, 'guests', folder.name, name);
      const about = await stat(path, { bigint: true }).catch(() => undefined);
      if (about) found.set(`${about.dev}:${about.ino}`, path);
    }
  }
  return found;
}

async function readProcesses(owner: string, disks: ReadonlyMap<string, string>): Promise<SeenProcess[]> {
  const pids = ((await names('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const seen = await Promise.all(pids.map((pid) => readOne(pid, owner, disks)));
  return seen.filter((process) => process !== undefined).toSorted((a, b) => a.pid - b.pid);
}

async function readOne(pid: number, owner: string, disks: ReadonlyMap<string, string>): Promise<SeenProcess | undefined> {
  const before = readProcess(pid);
  if (!before) return undefined;
  try {
    const [status, command, exe, groups] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'latin1'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readlink(`/proc/${pid}/exe`).catch(() => ''),
      readFile(`/proc/${pid}/cgroup`, 'utf8'),
    ]);
    const program = basename(exe.replace(/ \(deleted\)$/, ''));
    const group = new RegExp(`:/caisson/${owner}/(\\w+)$`, 'm').exec(groups)?.[1];
    return {
      pid,
      startTime: before.startTime,
      userId: Number(/^Uid:\t(\d+)/m.exec(status)?.[1] ?? -1),
      program,
      argv: command.split('\0').slice(0, -1),
      ...(group === undefined ? {} : { group }),
      // Whoever writes a disk of a guest is QEMU or one of its tools.
      disks: program.startsWith('qemu-') ? await writableDisks(pid, disks) : [],
    };
  } catch {
    return undefined; // it has ended meanwhile
  }
}

async function writableDisks(pid: number, disks: ReadonlyMap<string, string>): Promise<string[]> {
  const open = new Set<string>();
  for (const descriptor of (await names(`/proc/${pid}/fd`)) ?? []) {
    const about = await stat(`/proc/${pid}/fd/${descriptor}`, { bigint: true }).catch(() => undefined);
    const path = about && disks.get(`${about.dev}:${about.ino}`);
    if (path === undefined) continue;
    const info = await readFile(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1').catch(() => '');
    // The last octal digit holds the way it was opened: 1 to write, 2 to read and write.
    if (/^flags:\s+\d*[1256]$/m.test(info)) open.add(path);
  }
  return [...open].toSorted();
}

async function readGroups(owner: string): Promise<Machine['groups']> {
  const layout = parseCgroupMounts(await readFile('/proc/self/mountinfo', 'utf8'));
  const root = layout.unified ?? Object.values(layout.v1)[0];
  if (root === undefined) return [];
  const folder = join(root, 'caisson', owner);
  const groups: { uid: string; path: string; pids: number[] }[] = [];
  for (const entry of await entries(folder)) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    const text = await readFile(join(path, 'cgroup.procs'), 'latin1').catch(() => '');
    groups.push({ uid: entry.name, path, pids: text.split('\n').filter(Boolean).map(Number) });
  }
  return groups;
}

interface LinkText {
  ifname: string;
  linkinfo?: { info_kind?: string; info_data?: { user?: string | number } };
}

/** Taps of guests in the host's own network and in every named namespace. */
async function readTaps(): Promise<Machine['taps']> {
  const namespaces = [undefined, ...((await names('/run/netns')) ?? [])];
  const found = await Promise.all(
    namespaces.map(async (namespace) => {
      const within = namespace === undefined ? [] : ['-n', namespace];
      const { stdout } = await run(['ip', ...within, '-j', '-d', 'link', 'show', 'type', 'tun'], { okCodes: [0, 1, 2, 255] });
      const links = stdout.trim().startsWith('[') ? (JSON.parse(stdout) as LinkText[]) : [];
      return links
        .filter(({ ifname }) => guestOfTap(ifname) !== undefined)
        .map(({ ifname, linkinfo }) => {
          const userId = Number(linkinfo?.info_data?.user ?? Number.NaN);
          return { name: ifname, ...(namespace === undefined ? {} : { namespace }), ...(Number.isNaN(userId) ? {} : { userId }) };
        });
    }),
  );
  return found.flat();
}

/** `csgk3m9x4q2ab0` → `gk3m9x4q2ab`. */
export function guestOfTap(name: string): string | undefined {
  const uid = /^cs(g\w{10})\d$/.exec(name)?.[1];
  return uid !== undefined && uidPattern.test(uid) ? uid : undefined;
}

async function readFolders(path: string): Promise<SeenFolder[]> {
  const folders: SeenFolder[] = [];
  for (const { name } of await entries(path)) {
    const folder = join(path, name);
    const files: SeenFile[] = [];
    for (const file of (await names(folder)) ?? []) {
      const about = await lstat(join(folder, file)).catch(() => undefined);
      if (about) files.push({ name: file, userId: about.uid, sizeBytes: about.size });
    }
    const record = await readJson<LaunchRecord>(join(folder, 'launch-process.json'));
    folders.push({ name, files, ...(record ? { record } : {}) });
  }
  return folders;
}

async function readRanges(): Promise<Machine['ranges']> {
  const ranges: { base: number; holder: string }[] = [];
  for (const name of (await names(registryFolder)) ?? []) {
    const holder = await readFile(join(registryFolder, name), 'utf8').catch(() => undefined);
    if (holder !== undefined && /^\d+$/.test(name)) ranges.push({ base: Number(name), holder: holder.trim() });
  }
  return ranges;
}

function parseUsers(passwd: string): { name: string; id: number }[] {
  return passwd
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length > 2)
    .map(([name = '', , id]) => ({ name, id: Number(id) }));
}

async function entries(path: string): Promise<Dirent[]> {
  return readdir(path, { withFileTypes: true }).catch(() => []);
}

async function names(path: string): Promise<string[] | undefined> {
  return readdir(path).then(
    (found) => found.toSorted(),
    () => undefined,
  );
}

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
