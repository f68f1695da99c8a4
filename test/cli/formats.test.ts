// What programs rely on: JSON and YAML on standard output, whatever else is said.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { runCli } from '../../src/cli/run-cli.ts';
import { type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { Terminal, type TerminalOptions } from './terminal.ts';

const lab = join(import.meta.dirname, 'sites/lab.yaml');
let folder = '';
let daemon: SimulatedDaemon;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-formats-'));
  daemon = await startSimulatedDaemon({ socketPath: join(folder, 'run/api.sock'), bootMs: 5 });
  assert.equal((await caisson('apply', lab)).exit, 0);
});

after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

function begin(argv: string[], options: TerminalOptions = {}): { terminal: Terminal; ended: Promise<number> } {
  const terminal = new Terminal({ ...options, env: { CAISSON_DATA: folder, ...options.env } });
  return { terminal, ended: runCli(argv, terminal) };
}

async function caisson(...argv: string[]): Promise<{ out: string; err: string; exit: number }> {
  const { terminal, ended } = begin(argv);
  return { exit: await ended, out: terminal.out, err: terminal.err };
}

test('every list is { items }, in JSON and in YAML alike', async () => {
  for (const noun of ['guest', 'zone', 'image', 'job', 'event']) {
    const json = JSON.parse((await caisson(noun, 'list', '-o', 'json')).out) as { items: unknown[] };
    const yaml = parse((await caisson(noun, 'list', '-o', 'yaml')).out) as { items: unknown[] };
    assert.deepEqual(Object.keys(json), ['items']);
    assert.equal(yaml.items.length, json.items.length);
    assert.ok(json.items.length > 0, noun);
  }
});

test('guest show has what scripts ask for', async () => {
  const guest = JSON.parse((await caisson('guest', 'show', 'web', '-o', 'json')).out) as {
    uid: string;
    name: string;
    spec: { nics: { zone: string }[] };
    status: { power: string; ready: boolean; pid: number; disks: { path: string }[] };
  };
  assert.equal(guest.name, 'web');
  assert.match(guest.uid, /^g\w{10}$/);
  assert.equal(guest.spec.nics[0]?.zone, 'external');
  assert.deepEqual([guest.status.power, guest.status.ready], ['running', true]);
  assert.ok(guest.status.pid > 0);
  assert.match(guest.status.disks[0]?.path ?? '', /root\.qcow2$/);
});

test('a command that waits prints its ended job, one that does not its running one', async () => {
  const again = await caisson('apply', lab, '-o', 'json');
  assert.equal((JSON.parse(again.out) as { state: string }).state, 'succeeded');
  const plan = await caisson('apply', lab, '--dry-run', '-o', 'yaml');
  assert.deepEqual((parse(plan.out) as { lines: string[] }).lines, []);
  const started = await caisson('zone', 'check', '--no-wait', '-o', 'json');
  assert.equal((JSON.parse(started.out) as { kind: string }).kind, 'zone-check');
});

test('a job that fails is printed all the same, and the exit code tells', async () => {
  const { out, err, exit } = await caisson('guest', 'rename', 'database', 'web', '-o', 'json');
  assert.equal(exit, 1);
  assert.equal((JSON.parse(out) as { state: string }).state, 'failed');
  assert.match(err, /a guest is called “web” already/);
});

test('job show --watch says how the job ended', async () => {
  const { items } = JSON.parse((await caisson('job', 'list', '-o', 'json')).out) as { items: { uid: string; state: string }[] };
  const failed = items.find((job) => job.state === 'failed')?.uid ?? '';
  const watched = await caisson('job', 'show', failed, '--watch');
  assert.deepEqual([watched.out, watched.exit], [`job ${failed} is failed\n`, 1]);
  assert.match((await caisson('job', 'show', failed)).out, /^state\s+failed$/m);
});

test('--watch prints anew at every change, and Ctrl-C ends it well', async () => {
  const { terminal, ended } = begin(['guest', 'list', '--watch', '-o', 'json']);
  const states = () =>
    terminal.out
      .trimEnd()
      .split('\n')
      .map(
        (line) =>
          (JSON.parse(line) as { items: { name: string; status: { power: string } }[] }).items.find(({ name }) => name === 'web')?.status
            .power,
      );
  await waitFor('the first list', () => terminal.out.endsWith('\n'), { timeoutMs: 30_000 });
  assert.deepEqual(states(), ['running']);
  const paused = await caisson('guest', 'pause', 'web');
  assert.equal(paused.exit, 0, paused.err);
  await waitFor('the change', () => states().includes('paused'), { timeoutMs: 30_000 });
  terminal.interrupt();
  assert.equal(await ended, 0);
  await caisson('guest', 'resume', 'web');
});

test('--watch on a terminal draws in place and keeps within it', async () => {
  const { terminal, ended } = begin(['image', 'list', '--watch'], { size: { columns: 40, rows: 3 }, env: { NO_COLOR: '1' } });
  await waitFor('the first list', () => terminal.out.endsWith('\u001b[J'), { timeoutMs: 30_000 });
  terminal.interrupt();
  assert.equal(await ended, 0);
  const lines = terminal.out.split('\n');
  assert.equal(lines.length, 3);
  assert.match(lines[0] ?? '', /^\u001b\[2J\u001b\[HNAME/);
  assert.match(lines[1] ?? '', /^… 2 more lines/);
});

test('event list --follow goes on with what happens, an event a line', async () => {
  const { terminal, ended } = begin(['event', 'list', '--follow', '--limit', '1', '-o', 'json']);
  const kinds = () =>
    terminal.out
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
  await waitFor('what was', () => kinds().length === 1, { timeoutMs: 30_000 });
  await caisson('guest', 'stop', 'web');
  await waitFor('what happened', () => kinds().includes('guest-stopped'), { timeoutMs: 30_000 });
  terminal.interrupt();
  assert.equal(await ended, 0);
  const yaml = begin(['event', 'list', '--follow', '--limit', '2', '-o', 'yaml']);
  await waitFor('two documents', () => parseAllDocuments(yaml.terminal.out).length === 2, { timeoutMs: 30_000 });
  yaml.terminal.interrupt();
  assert.equal(await yaml.ended, 0);
  await caisson('guest', 'start', 'web');
});

test('destroying a site asks for its name on a terminal', async () => {
  const size = { columns: 80, rows: 24 };
  const wrong = begin(['site', 'destroy'], { size, typed: 'y\n' });
  assert.equal(await wrong.ended, 1);
  assert.match(
    wrong.terminal.err,
    /deletes all 2 guests of site lab\. Their disks stay\.\nType the site’s name to go on: caisson: nothing was changed\n$/,
  );
  const right = begin(['site', 'destroy', '--delete-disks'], { size, typed: 'lab\n' });
  assert.equal(await right.ended, 0);
  assert.match(right.terminal.err, /what is on them is lost/);
  assert.deepEqual(daemon.engine.guests(), []);
});
