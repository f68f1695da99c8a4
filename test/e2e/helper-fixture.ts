// A helper on a data directory of its own, with a daemon that only passes the channel on to the test.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connectHelper, type HelperClient } from '../../src/drivers/helper-client/helper-client.ts';
import { runDirectoryOf } from '../../src/helper/data-directory.ts';
import { newUid, systemRandom } from '../../src/lib/ids.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { HelperHello } from '../../src/model/helper-protocol.ts';

/** Runs as the daemon's user; ends when the helper's channel ends, as the daemon does. */
const relay = `
import net from 'node:net';
import fs from 'node:fs';
const channel = new net.Socket({ fd: 3, readable: true, writable: true });
const path = process.env.CAISSON_RUN + '/relay.sock';
fs.rmSync(path, { force: true });
channel.on('close', () => process.exit(0));
channel.on('end', () => process.exit(0));
process.on('SIGTERM', () => process.exit(0));
net.createServer((client) => { client.pipe(channel, { end: false }); channel.pipe(client); client.on('error', () => {}); }).listen(path);
if (process.argv.includes('--serve')) net.createServer((client) => client.end(String(process.getuid()))).listen({ fd: 4 });
`;

export interface RunningHelper {
  process: ChildProcess;
  client: HelperClient;
  hello: HelperHello;
  socket: Socket;
  /** What it has written to standard error. */
  said(): string;
  /** SIGTERM, and its exit code. */
  stop(): Promise<number | null>;
}

export interface HelperFixture {
  data: string;
  folder: string;
  user: { userId: number; groupId: number };
  start(options?: { args?: string[]; daemonArgs?: string[]; failpoints?: string }): Promise<RunningHelper>;
  /** Runs it to its end. */
  run(args: string[]): Promise<{ code: number | null; said: string }>;
  /** A guest's folder with an owned disk and console log; its uid, a new one unless it is given. */
  makeGuest(helper: RunningHelper, userId: number, uid?: string): Promise<{ uid: string; disk: string; consoleLog: string }>;
  /** Those that a failed test has left, too. */
  killGuests(): Promise<void>;
  remove(): Promise<void>;
}

/** A QEMU that boots nothing and waits, stopped, for QMP. */
export function idleQemu(hello: HelperHello, uid: string, options: { tap?: boolean; more?: string[] } = {}): string[] {
  const tap = ['-netdev', `tap,id=n0,ifname=cs${uid}0,script=no,downscript=no`, '-device', 'virtio-net-pci,netdev=n0,romfile='];
  return [
    '/usr/bin/qemu-system-x86_64',
    ...'-M q35 -nodefaults -no-user-config -accel tcg,tb-size=16 -m 64 -S -display none'.split(' '),
    '-sandbox',
    'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    '-chardev',
    `socket,id=qmp,path=${hello.runDirectory}/${uid}/qmp.sock,server=on,wait=off`,
    '-mon',
    'chardev=qmp,mode=control',
    ...(options.tap ? tap : []),
    ...(options.more ?? []),
  ];
}

export const someLimits = { memoryMib: 300, cpuWeight: 100, pids: 64 };

/** As bin/caisson starts it. */
const nodeOptions = '--max-semi-space-size=1 --v8-pool-size=0 --single-threaded --no-opt --no-maglev --no-sparkplug --expose-gc'.split(' ');
const helperMain = fileURLToPath(new URL('../../src/helper/main.ts', import.meta.url));

export function createHelperFixture(name: string): HelperFixture {
  ensureUser();
  const user = { userId: Number(execFileSync('id', ['-u', 'caisson'])), groupId: Number(execFileSync('id', ['-g', 'caisson'])) };
  const folder = mkdtempSync(`/var/lib/caisson-test-${name}-`);
  chmodSync(folder, 0o755);
  const data = `${folder}/data`;
  // The daemon's user must be able to execute and read these wherever the project lies.
  copyFileSync(process.execPath, `${folder}/node`);
  chmodSync(`${folder}/node`, 0o755);
  writeFileSync(`${folder}/relay.mjs`, relay, { mode: 0o644 });
  const running = new Set<ChildProcess>();

  const launch = (args: string[], failpoints?: string) => {
    const child = spawn(`${folder}/node`, [...nodeOptions, helperMain, '--data', data, ...args], {
      stdio: ['ignore', 'inherit', 'pipe'],
      env: { ...process.env, ...(failpoints && { CAISSON_FAILPOINTS: failpoints }) },
    });
    running.add(child);
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, 'close').then(([code]) => {
      running.delete(child);
      return code as number | null;
    });
    return { child, said: () => said, ended };
  };

  return {
    data,
    folder,
    user,
    async start(options = {}) {
      const { child, said, ended } = launch(
        ['--daemon', `${folder}/relay.mjs`, ...(options.args ?? []), '--', ...(options.daemonArgs ?? [])],
        options.failpoints,
      );
      const { client, hello, socket } = await waitFor(
        'the relay answers',
        () => {
          if (child.exitCode !== null) throw new Error(`the helper has ended: ${said()}`);
          return greet(`${data}/run/relay.sock`);
        },
        { timeoutMs: 60_000, everyMs: 20 },
      );
      return {
        process: child,
        client,
        hello,
        socket,
        said,
        stop: () => {
          child.kill('SIGTERM');
          return ended;
        },
      };
    },
    async run(args) {
      const { said, ended } = launch(args);
      return { code: await ended, said: said() };
    },
    async makeGuest(helper, userId, uid = newUid('g', systemRandom)) {
      const guest = `${data}/guests/${uid}`;
      mkdirSync(guest, { mode: 0o770 });
      chownSync(guest, user.userId, user.groupId);
      const [disk, consoleLog] = [`${guest}/root.qcow2`, `${guest}/console.log`];
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', disk, '1M']);
      writeFileSync(consoleLog, '');
      for (const path of [disk, consoleLog]) {
        chownSync(path, user.userId, user.groupId);
        await helper.client.call('guestOwnDisk', { uid, userId, path });
      }
      return { uid, disk, consoleLog };
    },
    killGuests: () => killAll(runDirectoryOf(data).slice(-8)),
    async remove() {
      await this.killGuests();
      for (const child of running) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
      await this.run(['--teardown']);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function killAll(group: string): Promise<void> {
  const files = execFileSync('find', ['/sys/fs/cgroup', '-path', `*/caisson/${group}/*/cgroup.procs`], { encoding: 'utf8' }).trim();
  const left = () =>
    new Set(
      files === '' ? [] : files.split('\n').flatMap((file) => readFileSync(file, 'latin1').trim().split('\n').filter(Boolean).map(Number)),
    );
  for (const pid of left()) process.kill(pid, 'SIGKILL');
  await waitFor('the guests are gone', () => left().size === 0, { timeoutMs: 60_000, everyMs: 10 });
}

function ensureUser(): void {
  try {
    execFileSync('id', ['-u', 'caisson'], { stdio: 'ignore' });
  } catch {
    execFileSync('useradd', [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      'caisson',
    ]);
  }
}

/** Undefined when nobody answers there yet, or only the relay of a helper that has just died. */
async function greet(path: string): Promise<Pick<RunningHelper, 'client' | 'hello' | 'socket'> | undefined> {
  const socket = createConnection(path);
  try {
    await once(socket, 'connect');
    const client = connectHelper(socket, { onClosed: () => undefined });
    return { client, hello: await client.call('hello', {}), socket };
  } catch {
    return undefined;
  }
}
