// A bench that is stopped by Ctrl-C in the middle, and once more while it takes away what it has begun, leaves nothing: no guest, no daemon, no network, no folder.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { projectRoot } from '../../scripts/project.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { waitingBenchPath } from './bench-that-waits.ts';

const netns = 'cst-bench-stopped';
const limit = { timeoutMs: 120_000 };
/** Where the folders of the benches here lie, and no other's. */
const folder = mkdtempSync(join(tmpdir(), 'caisson-stopped-'));
chmodSync(folder, 0o755);
after(() => rmSync(folder, { recursive: true, force: true }));

interface Begun {
  child: ChildProcess;
  said: () => string;
  /** As Ctrl-C on a terminal: for it and for all that it has started in its group. */
  interrupt: () => void;
}

/** A program with a terminal's group of its own. */
function begin(...argv: string[]): Begun {
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    cwd: projectRoot,
    env: { ...process.env, TMPDIR: folder },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return { child, said: () => said, interrupt: () => process.kill(-(child.pid as number), 'SIGINT') };
}

function daemons(): string {
  try {
    return execFileSync('pgrep', ['-f', '--', `--data ${folder}/`], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

for (const [what, sign] of [
  ['before its daemon is ready', 'begins'],
  ['while a guest of it runs', 'measures'],
] as const) {
  test(`a bench that is stopped ${what} leaves nothing behind`, async () => {
    const { child, said, interrupt } = begin(waitingBenchPath, netns);
    await waitFor(`it says that it ${sign}`, () => said().includes(sign) || child.exitCode !== null, limit);
    assert.equal(child.exitCode, null, said());
    interrupt();
    await waitFor('it hears', () => said().includes('stopped') || child.exitCode !== null, limit);
    if (child.exitCode === null) interrupt();
    await waitFor('it ends', () => child.exitCode !== null || child.signalCode !== null, limit);
    assert.deepEqual([child.exitCode, child.signalCode], [3, null], said());
    assert.equal(existsSync(`/run/netns/${netns}`), false, said());
    await waitFor('nothing of it runs', () => daemons() === '', limit);
    assert.deepEqual(readdirSync(folder), []);
  });
}

test('what a bench that was killed has left is not built upon', async (t) => {
  execFileSync('ip', ['netns', 'add', netns]);
  t.after(() => execFileSync('ip', ['netns', 'delete', netns]));
  const { child, said } = begin(waitingBenchPath, netns);
  await waitFor('it says why it does not begin', () => said().includes('a bench that was killed has left'), limit);
  await waitFor('it ends', () => child.exitCode !== null, limit);
  assert.equal(child.exitCode, 1);
});
