// Takes the demo away whatever state it is in, and looks for a demo that was killed before.
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { CaissonError } from '../../src/lib/errors.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { runDirectoryOf } from '../../src/helper/data-directory.ts';
import { registryFolder } from '../../src/helper/user-id-range.ts';
import { tell } from './caisson.ts';
import { findHelper, logTail, removeLog, stopDaemon } from './daemon.ts';
import { refuseForeignUplink, removeDemoNetwork } from './network.ts';
import { demo } from './place.ts';
import { forgetDemoState, isAlive, type ProcessName, processName, readDemoState } from './state.ts';

/** Refuses to go on while another demo runs. Returns whether one was killed and left things, which may go on living. */
export async function meetEarlierDemo(say: (text: string) => void): Promise<{ left: boolean }> {
  const state = readDemoState();
  if (state && isAlive(state.starter)) {
    throw new CaissonError('conflict', `the demo runs already (process ${state.starter.pid}); leave it with Ctrl-C there first`);
  }
  refuseForeignUplink();
  const helper = [state?.helper, findHelper()].find((name): name is ProcessName => isAlive(name));
  const guests = guestProcesses();
  if (!existsSync(demo.dataDirectory)) {
    // Nothing to go on with: what still runs has lost its disks.
    if (helper) await stopDaemon(helper);
    if (guests.length > 0) say(`${guests.length} guests of an earlier demo still run, without their data: their power is cut.`);
    await cutPower();
    return { left: false };
  }
  say(
    guests.length > 0
      ? `An earlier demo was killed and ${guests.length} of its guests still run: they are adopted as they are.`
      : 'An earlier demo was killed: going on from where it stopped.',
  );
  if (helper) await stopDaemon(helper);
  return { left: true };
}

/** Shuts guests down in order (where the daemon still answers), ends the daemon and removes all that the demo made. */
export async function leave(helper: ProcessName | undefined, output: 1 | 2, say: (text: string) => void): Promise<void> {
  if (helper && isAlive(helper) && guestProcesses().length > 0) {
    say('Shutting the guests down …');
    await tell(['host', 'shutdown'], { output }).catch((error: unknown) =>
      say(`The guests cannot be shut down (${(error as Error).message}); their power is cut.`),
    );
  }
  if (helper) await stopDaemon(helper);
  await cutPower();
  if (existsSync(demo.dataDirectory)) {
    await tell(['daemon', '--teardown', '--netns', demo.netns], { output }).catch((error: unknown) => {
      say(`The helper could not take everything away: ${(error as Error).message}\n${logTail(5)}`);
    });
  }
  await removeDemoNetwork();
  rmSync(demo.dataDirectory, { recursive: true, force: true });
  removeLog();
  forgetDemoState();
  removeEmptyFolders();
}

/** What daemons of a machine share, and nobody needs when the last one has gone. */
function removeEmptyFolders(): void {
  const hierarchies = readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}/caisson`);
  for (const folder of ['/run/caisson', '/var/lib/caisson-uid-ranges', '/sys/fs/cgroup/caisson', ...hierarchies]) {
    try {
      rmdirSync(folder);
    } catch {
      continue; // not there, or another daemon has something in it
    }
  }
}

async function cutPower(): Promise<void> {
  for (const pid of guestProcesses()) process.kill(pid, 'SIGKILL');
  await waitFor('the guests end', () => guestProcesses().length === 0, { timeoutMs: 15_000 });
}

/** What of the demo exists, in words; nothing once it has left. */
export function listDemoTraces(): string[] {
  const runDirectory = runDirectoryOf(demo.dataDirectory);
  const hierarchies = ['/sys/fs/cgroup', ...readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`)];
  const paths = [
    demo.dataDirectory,
    demo.stateFile,
    runDirectory,
    `/run/netns/${demo.netns}`,
    `/sys/class/net/${demo.worldLink}`,
    ...hierarchies.map((hierarchy) => `${hierarchy}/caisson/${basename(runDirectory)}`),
    ...userIdRanges(),
  ];
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(runDirectory) || line.includes(demo.dataDirectory));
  return [
    ...paths.filter((path) => existsSync(path)),
    ...mounts.map((line) => `mount ${line.split(' ')[4]}`),
    ...guestProcesses().map((pid) => `process ${pid}`),
    ...(findHelper() ? ['the helper'] : []),
  ];
}

function userIdRanges(): string[] {
  if (!existsSync(registryFolder)) return [];
  return readdirSync(registryFolder)
    .map((name) => `${registryFolder}/${name}`)
    .filter((file) => readFileSync(file, 'utf8').trim() === demo.dataDirectory);
}

/** Process ids of the demo's QEMUs, by their control group. */
export function guestProcesses(): number[] {
  const group = `/caisson/${basename(runDirectoryOf(demo.dataDirectory))}/`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cgroup`, 'utf8').includes(group) && processName(Number(pid)) !== undefined;
      } catch {
        return false; // it has just ended
      }
    })
    .map(Number);
}
