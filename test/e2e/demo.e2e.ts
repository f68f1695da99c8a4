// e2e: alone, limit 25 min
// The demo as its user sees it: `npm start`, killed without mercy, started again, left. Builds the images when they are not cached.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { projectRoot } from '../../scripts/project.ts';
import { ask, tell } from '../../scripts/demo/caisson.ts';
import { listDemoTraces } from '../../scripts/demo/clean.ts';
import { demo as place } from '../../scripts/demo/place.ts';
import type { DemoReport } from '../../scripts/demo/report.ts';
import { run } from '../../src/lib/exec.ts';
import type { Guest } from '../../src/model/guest-status.ts';

const demos: ChildProcess[] = [];

interface Demo {
  process: ChildProcess;
  /** What it said on standard error so far. */
  said: string[];
  /** The report, when standard output has it. */
  report: Promise<DemoReport>;
}

function startDemo(...args: string[]): Demo {
  const child = spawn('npm', ['--silent', 'start', '--', '--json', ...args], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  demos.push(child);
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const { promise: report, resolve, reject } = Promise.withResolvers<DemoReport>();
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.endsWith('\n}\n')) resolve(JSON.parse(text) as DemoReport);
  });
  child.once('exit', (code) => reject(new Error(`the demo ended with ${code} and this on standard output: ${text}\n${said.join('\n')}`)));
  return { process: child, said, report };
}

/** Kills npm, its shell, the launcher and the demo itself at one stroke; daemon and guests have sessions of their own. */
function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
}

after(() => demos.forEach(killGroup));

let first: DemoReport;

test('npm start: every service is ready and every check holds', async () => {
  const demo = startDemo();
  first = await demo.report;
  assert.deepEqual(first.problems, []);
  assert.equal(first.ok, true);
  assert.deepEqual(first.guests.map(({ name }) => name).toSorted(), ['app', 'ssh-dns', 'ssh-web', 'stream']);
  assert.ok(first.guests.every(({ ready, pid, readyAfterMs }) => ready && pid !== null && readyAfterMs !== null));
  assert.ok(first.checks.some(({ expected }) => expected === 'refused') && first.checks.some(({ expected }) => expected === 'open'));
});

test('the world reaches what the flows open, and nothing else', async () => {
  const fetched = await run(['curl', '--silent', '--fail', '--max-time', '20', 'http://192.0.2.10/']);
  assert.match(fetched.stdout, /laboratory/i);
  const application = await run(['curl', '--silent', '--fail', '--max-time', '20', 'http://192.0.2.10/app']);
  assert.match(application.stdout, /visits/i);
  const refused = await run(['curl', '--silent', '--max-time', '3', 'http://10.20.0.10/'], { okCodes: [7, 28] });
  assert.equal(refused.stdout, '');
});

test('a key in the site file opens a shell on one guest, on the other the dead end and no way on', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-keys-'));
  try {
    const key = join(folder, 'key');
    const stranger = join(folder, 'stranger');
    for (const path of [key, stranger]) await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path]);
    await applyWithKey(folder, readFileSync(`${key}.pub`, 'utf8').trim());

    const ssh = (user: string, identity: string, ...args: string[]) => {
      const options = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'];
      const given = ['-F', 'none', '-i', identity, ...options.flatMap((option) => ['-o', option])];
      return run(['ssh', ...given, user, ...args], { okCodes: [0, 1, 255], timeoutMs: 60_000 });
    };
    const shell = await ssh('root@192.0.2.10', key, 'hostname; id -un');
    assert.deepEqual([shell.code, shell.stdout], [0, 'ssh-web\nroot\n']);
    for (const asked of [[], ['hostname'], ['-t', '/bin/sh']]) {
      const { code, stdout } = await ssh('gate@192.0.2.11', key, ...asked);
      assert.equal(code, 0);
      assert.match(stdout, /^This is the dead end[^\n]*\r?\n$/);
    }
    const through = await ssh('gate@192.0.2.11', key, '-W', '10.20.0.10:80');
    assert.equal(through.stdout, '');
    assert.match(through.stderr, /administratively prohibited/);
    for (const user of ['gate@192.0.2.11', 'root@192.0.2.11', 'root@192.0.2.10']) {
      const { code, stdout, stderr } = await ssh(user, stranger, 'hostname');
      assert.deepEqual([code, stdout], [255, '']);
      assert.match(stderr, /Permission denied \(publickey\)/);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** As the example tells its reader to, with both guests that have SSH started anew: that is when a guest learns of its keys. */
async function applyWithKey(folder: string, key: string): Promise<void> {
  const lab = join(folder, 'lab');
  cpSync(join(projectRoot, dirname(place.siteFile)), lab, { recursive: true });
  const file = join(lab, 'site.yaml');
  const hint = /^ *# sshKeys: .*$/gm;
  const text = readFileSync(file, 'utf8');
  assert.equal(text.match(hint)?.length, 2);
  writeFileSync(file, text.replaceAll(hint, `    sshKeys: [${key}]`));
  await tell(['apply', file], { output: 2 });
  const guests = ['ssh-web', 'ssh-dns'];
  await Promise.all(guests.map((guest) => tell(['guest', 'shutdown', guest], { output: 2 })));
  await Promise.all(guests.map((guest) => tell(['guest', 'start', guest], { output: 2 })));
  await Promise.all(guests.map((guest) => tell(['guest', 'wait', guest, '--for', 'ready'], { output: 2 })));
  const { items } = await ask<{ items: Guest[] }>(['guest', 'list']);
  first.guests = first.guests.map((guest) => ({ ...guest, pid: items.find(({ name }) => name === guest.name)?.status.pid ?? null }));
}

test('killed without mercy and started again, it adopts its guests as they are, and leaves nothing behind', async () => {
  const killed = demos[0];
  assert.ok(killed);
  killGroup(killed);
  const demo = startDemo('--exit');
  const ended = once(demo.process, 'exit');
  const second = await demo.report;
  assert.deepEqual(second.problems, []);
  assert.match(demo.said.join('\n'), /4 of its guests still run: they are adopted/);
  const identity = ({ guests }: DemoReport) => guests.map(({ name, uid, pid }) => ({ name, uid, pid }));
  assert.deepEqual(identity(second), identity(first));
  assert.deepEqual(await ended, [0, null]);
  assert.deepEqual(listDemoTraces(), []);
});

test('told to leave while it still begins, it takes away what it has made so far', async () => {
  const demo = startDemo();
  demo.report.catch(() => {});
  for await (const line of createInterface({ input: demo.process.stderr as NodeJS.ReadableStream })) if (line.startsWith('Applying')) break;
  const ended = once(demo.process, 'exit');
  process.kill(-(demo.process.pid ?? 0), 'SIGINT');
  assert.equal(((await ended) as [number])[0] === 0, false);
  assert.deepEqual(listDemoTraces(), []);
});
