// How long a newcomer waits the second time: `npm start -- --exit`, images already built, everything proved and taken away again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { DemoReport } from '../scripts/demo/report.ts';
import { projectRoot } from '../scripts/project.ts';
import type { Bench, BenchContext } from './figure.ts';

const name = 'demo/second-run';

export const bench: Bench = {
  figures: [{ name, unit: 's', goal: { atMost: 150 } }],
  async run({ isWanted, report, say, signal }) {
    if (!isWanted(name)) return;
    say('a first run, so that the images are there');
    await runDemo(signal);
    const { seconds, slowestGuest } = await runDemo(signal);
    report(name, { value: seconds, baseline: { what: 'power on to ready of the slowest guest', value: slowestGuest } });
  },
};

async function runDemo(signal: BenchContext['signal']): Promise<{ seconds: number; slowestGuest: number }> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [join(projectRoot, 'bin/launch.mjs'), 'start', '--exit', '--json'], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const abort = () => child.kill('SIGTERM');
  signal.addEventListener('abort', abort, { once: true });
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number | null]>]);
  signal.removeEventListener('abort', abort);
  const { problems, guests } = JSON.parse(said) as DemoReport;
  if (code !== 0) throw new Error(`the demo ended with ${code}: ${problems.join('; ')}`);
  const readyAfter = guests.map(({ readyAfterMs }) => readyAfterMs ?? 0);
  return { seconds: (performance.now() - startedAt) / 1000, slowestGuest: Math.max(...readyAfter) / 1000 };
}
