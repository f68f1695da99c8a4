// What Caisson and its tests could leave behind on a machine: told by comparing before and after.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** One line for each thing of ours that exists now; the line names it for good. */
export function listTraces(): Set<string> {
  return new Set([...processes(), ...namespaces(), ...interfaces(), ...mounts(), ...controlGroups(), ...folders(), ...tables()]);
}

/** What exists now and did not before, after giving things that are just ending a moment. */
export async function findLeftovers(before: ReadonlySet<string>, patienceMs = 5000): Promise<string[]> {
  const until = performance.now() + patienceMs;
  for (;;) {
    const left = [...listTraces()].filter((trace) => !before.has(trace));
    if (left.length === 0 || performance.now() > until) return left;
    await sleep(200);
  }
}

/** In the environment of whatever a test or the demo starts, so that strays are told from other people's processes. */
export const traceMark = { CAISSON_TRACE: String(process.pid) };
const mark = `CAISSON_TRACE=${process.pid}\0`;

/** Guests’, and one below them that tests give their name service. */
const firstUserId = 1_899_999_999;

/** Processes of guests, of the daemon's user, in our control groups, started with our mark, or running our program; zombies have ended. */
function processes(): string[] {
  const daemonUser = /^caisson:[^:]*:(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))?.[1];
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      if (/^State:\s+Z/m.test(status)) continue;
      const userId = /^Uid:\s+(\d+)/m.exec(status)?.[1] ?? '';
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 160);
      const ours =
        Number(userId) >= firstUserId ||
        userId === daemonUser ||
        /\/caisson\//.test(readFileSync(`/proc/${pid}/cgroup`, 'utf8')) ||
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(mark) ||
        readlinkSync(`/proc/${pid}/exe`).startsWith('/var/cache/caisson/program/');
      if (ours) found.push(`process ${pid} (user ${userId}): ${commandLine}`);
    } catch {
      continue; // it ended while being read, or is a kernel thread
    }
  }
  return found;
}

function namespaces(): string[] {
  return list('/run/netns').map((name) => `network namespace ${name}`);
}

function interfaces(): string[] {
  const names = existsSync('/sys/class/net') ? readdirSync('/sys/class/net') : Object.keys(networkInterfaces());
  return names.map((name) => `network interface ${name}`);
}

function mounts(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((path) => path !== '' && path !== '/run/netns') // that one is made by the first `ip netns add` since the boot, for all
    .map((path) => `mount ${path}`);
}

function controlGroups(): string[] {
  const roots = ['/sys/fs/cgroup', ...list('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)];
  return roots.flatMap((root) => {
    const top = `${root}/caisson`;
    const below = list(top).filter((name) => statSync(`${top}/${name}`, { throwIfNoEntry: false })?.isDirectory());
    return [...(existsSync(top) ? [`control group ${top}`] : []), ...below.map((name) => `control group ${top}/${name}`)];
  });
}

/** Run directories, reserved ranges of user ids, and scratch of tests. */
function folders(): string[] {
  return [
    ...list('/run/caisson').map((name) => `/run/caisson/${name}`),
    ...list('/var/lib/caisson-uid-ranges').map((name) => `/var/lib/caisson-uid-ranges/${name}`),
    ...list('/tmp')
      .filter((name) => name.startsWith('caisson-'))
      .map((name) => `/tmp/${name}`),
  ];
}

/** Rules outside the guests' own namespace. */
function tables(): string[] {
  try {
    const said = execFileSync('nft', ['list', 'tables'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return said
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `nftables ${line}`);
  } catch {
    return []; // no nft, or not root: then nobody made a table
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
