// image-builder RECIPE.json OUT.qcow2 --work DIR [--packages DIR] [--manifest FILE]: makes one image. Says what it does as JSON
// lines on standard output ({"step", "fraction"}), last {"result": BuiltImage}; what went wrong goes to standard error, exit 1
// (2 for a wrong command line). It is meant to run as an ordinary user with subordinate ids; only then is a recipe harmless.
import { parseArgs } from 'node:util';
import { join, resolve } from 'node:path';
import { CaissonError, describeError } from '../../lib/errors.ts';
import { buildImage } from './build-image.ts';
import { readRecipe } from './read-recipe.ts';
import { buildFolderName, removeStaleBuilds } from './stale-builds.ts';

const usage = 'usage: image-builder RECIPE.json OUT.qcow2 --work DIR [--packages DIR] [--manifest FILE]';

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { work: { type: 'string' }, packages: { type: 'string' }, manifest: { type: 'string' } },
  });
  const [recipePath, outPath] = positionals;
  if (!recipePath || !outPath || positionals.length > 2 || !values.work) throw new CaissonError('invalid', usage);
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(name, () => stop.abort());
  const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
  const recipe = await readRecipe(recipePath);
  const work = resolve(values.work);
  await removeStaleBuilds(work);
  const result = await buildImage({
    recipe,
    outPath: resolve(outPath),
    workFolder: join(work, buildFolderName(process.pid)),
    ...(values.packages ? { packageCache: resolve(values.packages) } : {}),
    ...(values.manifest ? { manifestPath: resolve(values.manifest) } : {}),
    onProgress: say,
    signal: stop.signal,
  });
  say({ result });
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    // What the failing program said comes first: the last line alone says what was being done and why it failed.
    const output = error instanceof CaissonError ? error.details?.['output'] : undefined;
    if (typeof output === 'string') process.stderr.write(`${output}\n`);
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = error instanceof CaissonError && error.code === 'invalid' ? 2 : 1;
  },
);
