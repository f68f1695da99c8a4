// What the command line costs before it does anything.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../scripts/project.ts';
import type { Bench } from './figure.ts';
import { openSimulatedSite } from './simulated-site.ts';
import { inPairs, timed } from './statistics.ts';

const launcher = join(projectRoot, 'bin/caisson');
const program = join(projectRoot, 'dist/cli.js');
const compiled = '/var/cache/caisson/compiled';

function run(argv: readonly [string, ...string[]]): Promise<number> {
  return timed(() => {
    const [file, ...args] = argv;
    const done = spawnSync(file, args, { stdio: 'ignore', env: { ...process.env, NODE_COMPILE_CACHE: compiled } });
    if (done.status !== 0) throw new Error(`${argv.join(' ')} ended with ${done.status ?? done.signal}`);
  });
}

export const bench: Bench = {
  figures: [
    { name: 'cli/start-time', unit: 'ms', goal: { atMost: 85 } },
    { name: 'cli/launcher-cost', unit: 'ms', goal: { atMost: 15 } },
    { name: 'cli/guest-list-1000', unit: 'ms', goal: { atMost: 130 } },
  ],
  async run({ isWanted, report, say, signal }) {
    const version = () => run([launcher, '--version']);
    if (isWanted('cli/start-time')) {
      const pairs = await inPairs({ rounds: 15, warmUp: 2, signal }, version, () => run([process.execPath, '--eval', '0']));
      report('cli/start-time', { value: pairs.a, baseline: { what: 'Node.js doing nothing', value: pairs.b } });
    }
    if (isWanted('cli/launcher-cost')) {
      const pairs = await inPairs({ rounds: 15, warmUp: 2, signal }, version, () => run([process.execPath, program, '--version']));
      report('cli/launcher-cost', { value: pairs.difference, baseline: { what: 'the same program without bin/caisson', value: pairs.b } });
    }
    if (isWanted('cli/guest-list-1000')) {
      say('a site of 1000 guests is applied');
      const site = await openSimulatedSite(1000);
      try {
        const list = () => run([launcher, 'guest', 'list', '--data', site.folder]);
        const pairs = await inPairs({ rounds: 15, warmUp: 2, signal }, list, () => run([process.execPath, '--eval', '0']));
        report('cli/guest-list-1000', { value: pairs.a, baseline: { what: 'Node.js doing nothing', value: pairs.b } });
      } finally {
        await site.close();
      }
    }
  },
};
