// Writes the generated files of the project; with names, only those generators'.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generators } from './generators.ts';
import { projectRoot } from './project.ts';

/** What the generators named (all when none is) make, formatted: path in the project → content. */
export async function generateFiles(names: readonly string[] = []): Promise<Map<string, string>> {
  const unknown = names.filter((name) => !generators.some((generator) => generator.name === name));
  if (unknown.length > 0)
    throw new Error(`no generator ${unknown.join(', ')}; there are: ${generators.map(({ name }) => name).join(', ')}`);
  const files = new Map<string, string>();
  for (const generator of generators) {
    if (names.length > 0 && !names.includes(generator.name)) continue;
    const made = await (await generator.load()).generate();
    for (const [path, content] of Object.entries(made)) files.set(path, format(path, content));
  }
  return files;
}

/** The generated files that are not what their generator makes now. */
export async function findStaleFiles(): Promise<string[]> {
  const made = await generateFiles();
  return [...made].filter(([path, content]) => read(path) !== content).map(([path]) => path);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(join(projectRoot, path), 'utf8');
  } catch {
    return undefined;
  }
}

function format(path: string, content: string): string {
  if (!/\.(ts|json)$/.test(path)) return content;
  return execFileSync(process.execPath, [join(projectRoot, 'node_modules/.bin/oxfmt'), `--stdin-filepath=${path}`], {
    cwd: projectRoot,
    input: content,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
}

if (import.meta.main) {
  for (const [path, content] of await generateFiles(process.argv.slice(2))) {
    if (read(path) === content) continue;
    mkdirSync(dirname(join(projectRoot, path)), { recursive: true });
    writeFileSync(join(projectRoot, path), content);
    process.stdout.write(`wrote ${path}\n`);
  }
}
