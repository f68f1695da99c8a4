// Bundles the programs into dist/, each without dependencies, and the page into dist/web/. About a second.
// Every file is replaced in one step and the stamp written last, so that programs can be started, and built, meanwhile.
// bin/caisson builds again when a source is newer than the stamp.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { type Bundle, bundles } from './bundles.ts';
import { leanBuiltins } from './lean-builtins.ts';
import { leftOut } from './left-out.ts';
import { lightEndpoints } from './light-endpoints.ts';
import { oneByte } from './one-byte.ts';
import { renderPage } from './page.ts';
import { projectRoot } from './project.ts';

const dist = join(projectRoot, 'dist');

/** Every file of one program: its name in dist/ → content. Chunks carry the program's name. */
async function bundle({ name, entry, isClient }: Bundle): Promise<Map<string, string>> {
  const build = await rolldown({
    input: { [name]: join(projectRoot, entry) },
    platform: 'node',
    cwd: projectRoot,
    tsconfig: false,
    // Timings depend on what else the machine does.
    checks: { eval: false, pluginTimings: false },
    plugins: [leanBuiltins, leftOut, ...(isClient ? [lightEndpoints] : [])],
    treeshake: { propertyReadSideEffects: false },
    onLog(level, log, next) {
      if (level === 'warn' && log.code !== 'EVAL') throw new Error(`${name}: ${log.message}`);
      next(level, log);
    },
  });
  try {
    const { output } = await build.generate({
      format: 'esm',
      entryFileNames: '[name].js',
      chunkFileNames: `${name}-[name].js`,
      comments: { legal: false },
      // Names stay, so that a stack says where; the rest only costs memory.
      minify: { mangle: false, compress: false },
    });
    const files = new Map<string, string>();
    for (const file of output) {
      if (file.type !== 'chunk') throw new Error(`${name}: ${file.fileName} is not a program; make it part of the code`);
      files.set(file.fileName, oneByte(file.code));
    }
    return files;
  } finally {
    await build.close();
  }
}

function replace(name: string, content: string | Uint8Array): void {
  const path = join(dist, name);
  const beside = join(dirname(path), `.${basename(path)}.${process.pid}`);
  writeFileSync(beside, content);
  renameSync(beside, path);
}

/** A file of the page, and beside it what the daemon sends to browsers that take it: compressed once, as small as it gets. */
function keepCompressed(name: string, content: string): void {
  replace(`web/${name}.br`, brotliCompressSync(content));
  replace(`web/${name}.gz`, gzipSync(content, { level: 9 }));
  replace(`web/${name}`, content);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { quiet: { type: 'boolean', default: false } } });
  const startedAt = new Date();
  mkdirSync(dist, { recursive: true });
  const kept = new Set<string>();
  let failed = false;
  const build = async (each: Bundle) => {
    if (!existsSync(join(projectRoot, each.entry))) {
      process.stderr.write(`dist/${each.name}.js: left out, ${each.entry} does not exist\n`);
      return;
    }
    try {
      const files = await bundle(each);
      for (const [name, content] of files) {
        replace(name, content);
        kept.add(name);
      }
      const bytes = [...files.values()].reduce((sum, content) => sum + content.length, 0);
      if (!values.quiet) process.stdout.write(`dist/${each.name}.js  ${Math.ceil(bytes / 1024)} KiB\n`);
    } catch (error) {
      failed = true;
      process.stderr.write(`dist/${each.name}.js: ${(error as Error).message}\n`);
    }
  };
  const buildPage = async () => {
    try {
      const files = await renderPage();
      mkdirSync(join(dist, 'web/assets'), { recursive: true });
      // The document last: what it names is there.
      for (const [name, content] of files) if (name !== 'index.html') keepCompressed(name, content);
      keepCompressed('index.html', files.get('index.html') ?? '');
      for (const name of readdirSync(join(dist, 'web'), { recursive: true, encoding: 'utf8' })) {
        // A name that begins with a dot is another build’s, on its way.
        const isOurs = files.has(name.replace(/\.(?:br|gz)$/, '')) || basename(name).startsWith('.');
        if (/\.\w+$/.test(name) && !isOurs) rmSync(join(dist, 'web', name), { force: true });
      }
      if (!values.quiet) process.stdout.write(`dist/web  ${files.size} files\n`);
    } catch (error) {
      failed = true;
      process.stderr.write(`dist/web: ${(error as Error).message}\n`);
    }
  };
  await Promise.all([...bundles.map(build), buildPage()]);
  if (failed) {
    process.exitCode = 1; // and no stamp: what could be made is there, the next call tries again
    return;
  }
  // The copy of dist/ that the helper runs from stands alone: this says that its files are modules.
  replace('package.json', `${JSON.stringify({ type: 'module' })}\n`);
  for (const name of readdirSync(dist)) if (name.endsWith('.js') && !kept.has(name)) rmSync(join(dist, name));
  replace('stamp', `${startedAt.toISOString()}\n`);
  // A source saved during the build must count as newer.
  utimesSync(join(dist, 'stamp'), startedAt, startedAt);
  if (!values.quiet) process.stdout.write(`built in ${Date.now() - startedAt.getTime()} ms\n`);
}

await main();
