// A process that runs a job with real files and a real journal; the test kills it at a named point and starts it again.
// Arguments: folder, `start`, `resume` or `clean`. Prints the state of the job in the end.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEvents } from '../../src/engine/events.ts';
import type { JobContext, StepContext } from '../../src/engine/job-context.ts';
import { createJobs } from '../../src/engine/jobs.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { systemRandom } from '../../src/lib/ids.ts';
import { silentLog } from '../../src/lib/log.ts';
import { openSqliteJournal } from '../../src/store/sqlite/sqlite-journal.ts';

export const jobWorkerPath = fileURLToPath(import.meta.url);
export const jobSteps = ['disk', 'seed', 'tap', 'start'];

async function makeAll(job: JobContext, folder: string): Promise<void> {
  const make = (at: StepContext, name: string) =>
    at.step(name, () => writeFile(join(folder, name), name), {
      undo: () => rm(join(folder, name), { force: true }),
      data: { path: join(folder, name) },
    });
  await make(job, 'disk');
  await Promise.all([make(job, 'seed'), make(job, 'tap')]);
  await make(job, 'start');
}

if (import.meta.main) {
  const [folder = '', mode] = process.argv.slice(2);
  const journal = await openSqliteJournal({ path: join(folder, 'journal.sqlite'), expectExisting: mode !== 'start' });
  const dependencies = { journal, clock: systemClock, random: systemRandom, log: silentLog };
  const events = createEvents(dependencies);
  const jobs = createJobs({ ...dependencies, events });
  if (mode === 'resume') jobs.register('guest-start', { resume: (job) => makeAll(job, folder) });
  if (mode === 'clean') {
    jobs.register('guest-start', {
      clean: async ({ steps }) => {
        for (const { data } of steps) await rm((data as { path: string }).path, { force: true });
      },
    });
  }
  if (mode === 'start')
    await jobs.start('guest-start', { title: 'Start guest web', objects: [], actor: 'local' }, (job) => makeAll(job, folder));
  else await jobs.recover();
  const [job] = await jobs.list();
  process.stdout.write(`${job ? (await jobs.wait(job.uid)).state : 'no job'}\n`);
  await events.close();
  await journal.close();
}
