// How far each guest's process is cut off, read from /proc and its control group as the kernel tells it: the evidence of the audit.
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { release } from 'node:os';
import type { HostIsolation, ProcessIsolation } from '../model/isolation.ts';
import type { Cgroups } from './cgroups.ts';
import type { GuestProcesses } from './guest-processes.ts';

const capabilitySets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
const namespaceKinds = ['net', 'mnt', 'ipc', 'uts'] as const;
const seccompModes = ['off', 'strict', 'filter'] as const;

export interface IsolationParts {
  cgroups: Cgroups;
  processes: GuestProcesses;
  dataDirectory: string;
  runDirectory: string;
}

/** Processes that end meanwhile are left out. */
export function readIsolation(parts: IsolationParts): { host: HostIsolation; processes: ProcessIsolation[] } {
  const running = parts.processes.list();
  const owners = readNamespaces(running.map(({ pid }) => pid));
  const coresToProgram = readText('/proc/sys/kernel/core_pattern').startsWith('|');
  const processes = running.flatMap(({ uid, pid }) => {
    try {
      return [readProcessIsolation(uid, pid, owners, coresToProgram, parts)];
    } catch (error) {
      if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
      throw error;
    }
  });
  return { host: readHostIsolation(parts.cgroups), processes };
}

function readProcessIsolation(
  uid: string,
  pid: number,
  owners: Namespaces,
  coresToProgram: boolean,
  { cgroups, dataDirectory, runDirectory }: IsolationParts,
): ProcessIsolation {
  const own = [`${dataDirectory}/guests/${uid}/`, `${runDirectory}/${uid}/`, `${dataDirectory}/images/`];
  const mergeable = parseMergeable(readOptional(`/proc/${pid}/ksm_stat`));
  return {
    uid,
    pid,
    ...parseStatus(readText(`/proc/${pid}/status`)),
    sharedNamespaces: namespaceKinds.filter((kind) => (owners.get(readlinkSync(`/proc/${pid}/ns/${kind}`)) ?? 0) > 1),
    interfaces: parseInterfaces(readText(`/proc/${pid}/net/dev`)),
    ...parseMounts(readText(`/proc/${pid}/mountinfo`), own),
    limits: cgroups.readLimits(uid),
    coreDumps: allowsCoreDumps(readText(`/proc/${pid}/limits`), coresToProgram),
    kvm: readdirSync(`/proc/${pid}/fd`).some((fd) => readLink(`/proc/${pid}/fd/${fd}`) === 'anon_inode:kvm-vm'),
    ...(mergeable === undefined ? {} : { mergeable }),
  };
}

function readHostIsolation(cgroups: Cgroups): HostIsolation {
  const ksm = readOptional('/sys/kernel/mm/ksm/run');
  return {
    kernel: release(),
    // 2 means: off, and what was shared is separate again.
    ksm: ksm === undefined ? 'absent' : ksm.trim() === '1' ? 'on' : 'off',
    vulnerabilities: readVulnerabilities('/sys/devices/system/cpu/vulnerabilities'),
    controllers: cgroups.controllers(),
  };
}

/** How many have a namespace, by what /proc calls it: the host once, each guest once. */
type Namespaces = Map<string, number>;

function readNamespaces(pids: readonly number[]): Namespaces {
  const owners: Namespaces = new Map();
  for (const pid of ['self', ...pids]) {
    for (const kind of namespaceKinds) {
      const name = readLink(`/proc/${pid}/ns/${kind}`);
      if (name !== undefined) owners.set(name, (owners.get(name) ?? 0) + 1);
    }
  }
  return owners;
}

type Status = Pick<ProcessIsolation, 'userIds' | 'groupIds' | 'supplementaryGroups' | 'capabilities' | 'noNewPrivileges' | 'seccomp'>;

/** The content of /proc/PID/status. What is not there counts as not isolated. */
export function parseStatus(content: string): Status {
  const fields = new Map([...content.matchAll(/^(\w+):[ \t]*(.*)$/gm)].map(([, name = '', value = '']) => [name, value.trim()]));
  const numbers = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter(Boolean).map(Number);
  return {
    userIds: numbers('Uid'),
    groupIds: numbers('Gid'),
    supplementaryGroups: numbers('Groups'),
    capabilities: capabilitySets.flatMap((set) => {
      const value = fields.get(set) ?? 'unknown';
      return /^0+$/.test(value) ? [] : [`${set} ${value}`];
    }),
    noNewPrivileges: fields.get('NoNewPrivs') === '1',
    seccomp: seccompModes[Number(fields.get('Seccomp') ?? 0)] ?? 'off',
  };
}

/** The content of /proc/PID/net/dev: every interface but the loopback, through which nothing leaves. */
export function parseInterfaces(content: string): string[] {
  return [...content.matchAll(/^ *([^\s:|]+):/gm)].map(([, name = '']) => name).filter((name) => name !== 'lo');
}

/** The content of /proc/PID/mountinfo; `own` are folders, each with a slash at its end. */
export function parseMounts(content: string, own: readonly string[]): Pick<ProcessIsolation, 'foreignMounts' | 'writableMounts'> {
  const mounts = content
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '))
    .map(([, , , , place = '', options = '']) => ({ place, writable: options.split(',').includes('rw') }));
  // The root is a small file system of its own, and root's alone; /usr is there to be read.
  const isOwn = ({ place, writable }: { place: string; writable: boolean }) =>
    place === '/' || (place === '/usr' && !writable) || own.some((folder) => `${place}/` === folder || place.startsWith(folder));
  return {
    foreignMounts: mounts.filter((mount) => !isOwn(mount)).map(({ place }) => place),
    writableMounts: mounts.filter(({ place, writable }) => writable && place !== '/').map(({ place }) => place),
  };
}

/**
 * From the content of /proc/PID/limits. The kernel gives a core to a program whatever the limit, but for a limit of exactly one
 * byte; into a file it writes nothing that is smaller than a page.
 */
export function allowsCoreDumps(content: string, toProgram: boolean): boolean {
  const soft = /^Max core file size\s+(\S+)/m.exec(content)?.[1];
  return soft !== '1' && (toProgram || soft !== '0');
}

/** The content of /proc/PID/ksm_stat; undefined where the kernel does not tell. */
export function parseMergeable(content: string | undefined): boolean | undefined {
  const answers = [...(content ?? '').matchAll(/^ksm_(?:merge_any|mergeable): (yes|no)$/gm)].map(([, answer]) => answer);
  return answers.length === 0 ? undefined : answers.includes('yes');
}

function readVulnerabilities(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names
    .map((name) => `${name}: ${(readOptional(`${folder}/${name}`) ?? '').trim()}`)
    .filter((text) => /: (Vulnerable|KVM: Vulnerable)/.test(text))
    .toSorted();
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

function readOptional(path: string): string | undefined {
  return statSync(path, { throwIfNoEntry: false }) ? readText(path) : undefined;
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed, or gone, meanwhile
  }
}
