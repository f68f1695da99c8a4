// A daemon killed with SIGKILL in the middle of a job: the next one, over the same journal, goes on or cleans up.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { run } from '../../src/lib/exec.ts';
import { jobSteps, jobWorkerPath } from './job-worker.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-jobs-killed-'));
after(() => rmSync(folder, { recursive: true }));

async function work(path: string, mode: 'start' | 'resume' | 'clean', failpoint?: string): Promise<string> {
  const env = failpoint === undefined ? {} : { CAISSON_FAILPOINTS: `${failpoint}=kill` };
  try {
    return (await run([process.execPath, jobWorkerPath, path, mode], { env })).stdout.trim();
  } catch (error) {
    assert.match(String(error), /SIGKILL/);
    return 'killed';
  }
}

const made = (path: string) =>
  readdirSync(path)
    .filter((name) => !name.startsWith('journal'))
    .toSorted();

const points = [
  'job.created',
  ...jobSteps.flatMap((name) => ['begun', 'worked', 'done'].map((when) => `job.step.${when}:${name}`)),
  'job.end',
];
for (const [index, point] of points.entries()) {
  test(`killed at ${point}`, async () => {
    const path = join(folder, String(index));
    mkdirSync(path);
    assert.equal(await work(path, 'start', point), 'killed');
    const other = `${path}-clean`;
    cpSync(path, other, { recursive: true });
    assert.equal(await work(path, 'resume'), 'succeeded');
    assert.deepEqual(made(path), jobSteps.toSorted());
    // The data of the steps are paths: the copy's own files stay, the first folder's go.
    rmSync(path, { recursive: true });
    cpSync(other, path, { recursive: true });
    assert.equal(await work(path, 'clean'), 'failed');
    assert.deepEqual(made(path), []);
  });
}
