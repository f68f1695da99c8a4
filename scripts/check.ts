// `npm run check [STEP…]`: everything about the sources that needs no running. One line a step; what each found follows.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { bundles } from './bundles.ts';
import { checkProjectLayers } from './check-layers.ts';
import { checkProjectStart } from './check-start.ts';
import { checkProjectWords } from './check-words.ts';
import { findStaleFiles } from './generate.ts';
import { projectRoot } from './project.ts';

export interface CheckStep {
  name: string;
  /** What is wrong, ready to print; empty when all is well. */
  run: () => Promise<string> | string;
}

const folders = ['src', 'test', 'scripts', 'bench', 'bin'].filter((folder) => existsSync(join(projectRoot, folder)));

export const checkSteps: readonly CheckStep[] = [
  { name: 'format', run: () => runTool('oxfmt', ['--list-different'], 'npx oxfmt mends these files:\n') },
  { name: 'types', run: () => checkTypes('.', 'types') },
  { name: 'types of the page', run: () => checkTypes('src/web', 'types-web') },
  { name: 'lint', run: () => runTool('oxlint', ['--type-aware', '--format', 'unix', '--report-unused-disable-directives', ...folders]) },
  { name: 'layers', run: () => checkProjectLayers().join('\n') },
  { name: 'start of the command line', run: () => checkProjectStart().join('\n') },
  {
    name: 'generated files',
    run: async () => (await findStaleFiles()).map((path) => `${path} is not what is generated now: npm run generate`).join('\n'),
  },
  { name: 'dead code', run: () => runTool('knip', ['--no-progress', '--no-config-hints']) },
  { name: 'words', run: () => checkProjectWords().join('\n') },
  {
    name: 'programs',
    run: () =>
      bundles
        .filter(({ entry }) => !existsSync(join(projectRoot, entry)))
        .map(({ name, entry }) => `${name}: its entry ${entry} does not exist`)
        .join('\n'),
  },
];

/** What has not changed since the last check is not looked at again. */
function checkTypes(project: string, seen: string): Promise<string> {
  const record = join(projectRoot, `node_modules/.cache/caisson/${seen}.tsbuildinfo`);
  return runTool('tsc', ['--project', project, '--pretty', 'false', '--incremental', '--tsBuildInfoFile', record]);
}

/** Runs a program of node_modules; its output when it fails. */
async function runTool(name: string, args: readonly string[], intro = ''): Promise<string> {
  const child = spawn(process.execPath, [join(projectRoot, 'node_modules/.bin', name), ...args], {
    cwd: projectRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code === 0) return '';
  return intro + (stdout.trim() === '' ? stderr : stdout).trim();
}

/** The steps side by side, each reported in order as soon as it and those before it have ended. */
export async function* runCheckSteps(names: readonly string[] = []): AsyncGenerator<{ name: string; failure: string; durationMs: number }> {
  const chosen = checkSteps.filter(({ name }) => names.length === 0 || names.some((wanted) => name.includes(wanted)));
  const running = chosen.map(async ({ name, run }) => {
    const startedAt = performance.now();
    let failure: string;
    try {
      failure = await run();
    } catch (error) {
      failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    return { name, failure, durationMs: performance.now() - startedAt };
  });
  for (const each of running) yield await each;
}

if (import.meta.main) {
  let failed = 0;
  for await (const { name, failure, durationMs } of runCheckSteps(process.argv.slice(2))) {
    process.stdout.write(`${failure === '' ? 'ok    ' : 'FAILED'}  ${name}  ${Math.round(durationMs)} ms\n`);
    if (failure === '') continue;
    failed += 1;
    process.stdout.write(`${failure.replaceAll(/^/gm, '    ')}\n`);
  }
  if (failed > 0) process.exitCode = 1;
}
