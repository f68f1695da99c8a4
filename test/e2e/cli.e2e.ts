// The program `caisson` itself: as a process, in a pipe, and on a terminal (script(1) makes one).
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { placeProgram } from '../../src/local/program.ts';
import { waitFor } from '../../src/lib/wait-for.ts';

const root = join(import.meta.dirname, '../..');
const program = join(root, 'bin/caisson');
const lab = join(root, 'test/cli/sites/lab.yaml');
const patience = { timeoutMs: 60_000 };

let folder = '';
let data = '';
let daemon: ChildProcess;
/** All that were started: a test that fails leaves some running. */
const children: ChildProcess[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-e2e-cli-'));
  await chmod(folder, 0o755);
  data = join(folder, 'data');
  daemon = await startDaemon(data, 100);
  assert.equal((await caisson('apply', lab)).exit, 0);
});

after(async () => {
  daemon.kill('SIGTERM');
  await waitFor('the daemon’s end', () => daemon.exitCode !== null, patience);
  for (const child of children) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

async function startDaemon(directory: string, bootMs: number): Promise<ChildProcess> {
  const child = spawn(program, ['daemon', '--simulate', '--data', directory, '--boot-ms', String(bootMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor('the daemon is ready', () => said.startsWith('ready '), patience);
  return child;
}

class Run {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out = '';
  err = '';

  constructor(file: string, args: readonly string[], env: Record<string, string> = {}) {
    this.child = spawn(file, args, { env: { ...process.env, CAISSON_DATA: data, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    children.push(this.child);
    this.child.stdout?.on('data', (chunk: Buffer) => (this.out += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk.toString()));
    this.ended = new Promise((resolve) => this.child.on('close', resolve));
  }

  type(text: string): void {
    this.child.stdin?.write(text);
  }

  async saw(pattern: RegExp): Promise<void> {
    await waitFor(`${pattern.source} in ${JSON.stringify(this.out.slice(-500))}`, () => pattern.test(this.out), patience);
  }
}

async function caisson(...args: string[]): Promise<{ out: string; err: string; exit: number | null }> {
  const run = new Run(program, args);
  run.child.stdin?.end();
  const exit = await run.ended;
  return { out: run.out, err: run.err, exit };
}

/** A shell line on a terminal of 100 × 30; what it says comes as `out`. */
function onTerminal(line: string, env: Record<string, string> = {}): Run {
  return new Run('script', ['-qefc', `stty cols 100 rows 30; ${line}`, '/dev/null'], { TERM: 'xterm', SHELL: '/bin/sh', ...env });
}

test('exit codes tell: done, failed, wrong', async () => {
  assert.deepEqual([(await caisson('guest', 'list')).exit, (await caisson()).exit], [0, 0]);
  assert.equal((await caisson('guest', 'show', 'nobody')).exit, 1);
  assert.equal((await caisson('guest', 'shw', 'web')).exit, 2);
  const alone = await caisson('guest', 'list', '--data', join(folder, 'other'));
  assert.equal(alone.exit, 1);
  assert.match(alone.err, /start it, as root: caisson daemon --data /);
  assert.equal(alone.out, '');
});

test('a reader that has seen enough is no error', async () => {
  const run = new Run('sh', ['-c', `{ '${program}' guest list -o json; echo "exit $?" >&2; } | head -c 1`]);
  assert.equal(await run.ended, 0);
  assert.equal(run.out, '{');
  assert.equal(run.err, 'exit 0\n');
});

test('who may not use the socket is told what to do', async () => {
  const placed = await placeProgram({ distFolder: join(root, 'dist'), node: process.execPath, base: join(folder, 'program/all') });
  const argv = ['--reuid=65534', '--regid=65534', '--clear-groups', `${placed}/node`, `${placed}/dist/cli.js`, 'guest', 'list'];
  const run = new Run('setpriv', argv, { NODE_COMPILE_CACHE: '', HOME: '/' });
  assert.equal(await run.ended, 1);
  assert.match(run.err, /you may not talk to the daemon at .*\n {2}be root, or join the group and log in again: usermod -aG caisson/);
});

test('standard input is a site file for “-”, and a bad one has its places', async () => {
  const run = new Run(program, ['apply', '-']);
  run.child.stdin?.end('version: 1\nsite: lab\nguest: {}\n');
  assert.equal(await run.ended, 2);
  assert.match(run.err, /^standard input:3:1: .*did you mean “guests”/m);
});

test('Ctrl-C while waiting leaves the job running and says so', async () => {
  const slow = join(folder, 'slow');
  const slowDaemon = await startDaemon(slow, 60_000);
  try {
    const run = new Run(program, ['apply', lab, '--data', slow]);
    await waitFor('the wait', () => run.err.includes('ready'), patience);
    run.child.kill('SIGINT');
    assert.equal(await run.ended, 130);
    const [, uid = ''] = /the job goes on: “caisson job show (\w+)”/.exec(run.err) ?? assert.fail(run.err);
    const { out } = await caisson('job', 'show', uid, '--data', slow);
    assert.match(out, /^state +running$/m);
  } finally {
    slowDaemon.kill('SIGKILL');
  }
});

test('a job on a terminal is a tree redrawn in place, without one it is plain lines', async () => {
  await caisson('guest', 'stop', 'web');
  const drawn = onTerminal(`'${program}' guest start web; echo "exit $?"`);
  assert.equal(await drawn.ended, 0);
  assert.match(drawn.out, /\u001b\[1mStart guest web\u001b\[22m/);
  assert.match(drawn.out, /\u001b\[\d+A/, 'the cursor goes back up');
  assert.match(drawn.out, /✓ ready[^\n]*\n[^✓]*web is ready\r\nexit 0/);
  await caisson('guest', 'stop', 'web');
  const plain = await caisson('guest', 'start', 'web');
  assert.equal(plain.out, 'web is ready\n');
  assert.doesNotMatch(plain.err, /\u001b/);
  assert.match(plain.err, /^✓ ready \(/m);
});

test('states have colours on a terminal, unless NO_COLOR', async () => {
  await caisson('guest', 'pause', 'web');
  const coloured = onTerminal(`'${program}' guest list`);
  await coloured.ended;
  assert.match(coloured.out, /\u001b\[33mpaused\u001b\[39m/);
  const plain = onTerminal(`'${program}' guest list`, { NO_COLOR: '1' });
  await plain.ended;
  assert.match(plain.out, /paused/);
  assert.doesNotMatch(plain.out, /\u001b/);
  await caisson('guest', 'resume', 'web');
});

test('nobody is asked without a terminal; on one only the name of the site is a yes', async () => {
  const asked = onTerminal(`'${program}' site destroy`);
  await asked.saw(/Type the site’s name/);
  asked.type('no\n');
  assert.equal(await asked.ended, 1);
  assert.match(asked.out, /nothing was changed/);
  assert.equal((await caisson('site', 'destroy')).exit, 2);
  assert.match((await caisson('guest', 'list')).out, /web/);
});

test('a console sends every key, leaves with Ctrl-] q, and gives the terminal back as it was', async () => {
  const run = onTerminal(`stty -g; '${program}' guest console web; echo "exit $?"; stty -g`);
  await run.saw(/leave with Ctrl-\] and then q[^]*up\r+\n/);
  run.type('who\u0003ami\u001d');
  await run.saw(/who\u0003ami/);
  // The guest echoes: this is a program of its that switches screen, cursor and mouse.
  run.type('x\u001b[?1049h\u001b[?25l\u001b[?1000h');
  await run.saw(/\u001d?x\u001b\[\?1049h\u001b\[\?25l\u001b\[\?1000h/);
  run.type('\u001dq');
  assert.equal(await run.ended, 0);
  const after = run.out.slice(run.out.lastIndexOf('\u001b[?1000h') + 8);
  for (const reset of ['\u001b[?1049l', '\u001b[?25h', '\u001b[?1000l', '\u001b[0m'])
    assert.ok(after.includes(reset), JSON.stringify(reset));
  assert.match(after, /exit 0/);
  const [settings, ...others] = run.out.match(/^[0-9a-f]+(:[0-9a-f]+){5,}/gm) ?? [];
  assert.deepEqual(others, [settings]);
});

test('a console whose daemon dies gives the terminal back too', async () => {
  const other = join(folder, 'dying');
  const dying = await startDaemon(other, 10);
  await caisson('apply', lab, '--data', other);
  const run = onTerminal(`stty -g; '${program}' guest console web --data ${other}; echo "exit $?"; stty -g`);
  await run.saw(/up\r+\n/);
  dying.kill('SIGKILL');
  await run.saw(/exit \d/);
  await run.ended;
  assert.match(run.out, /\u001b\[\?25h[^]*caisson: the connection to the daemon at .* ended[^]*exit 1/);
  const [settings, ...others] = run.out.match(/^[0-9a-f]+(:[0-9a-f]+){5,}/gm) ?? [];
  assert.deepEqual(others, [settings]);
});

test('the completion that bash is given completes', async () => {
  const script = join(folder, 'completion.bash');
  await writeFile(script, (await caisson('completion', 'bash')).out);
  const line = `. '${script}'; COMP_WORDS=('${program}' guest stop d); COMP_CWORD=3; _caisson '${program}'; echo "\${COMPREPLY[@]}"`;
  const run = new Run('bash', ['-c', line]);
  assert.equal(await run.ended, 0);
  assert.equal(run.out, 'database\n');
});
