// The page as files for a browser: one program with what is loaded later beside it, one style sheet, no code or style in the document.
// Every name but index.html carries the digest of its content, so that a browser may keep it for good.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { lightEndpoints } from './light-endpoints.ts';
import { projectRoot } from './project.ts';

const source = join(projectRoot, 'src/web');

/** Path under dist/web/ → content. */
export async function renderPage(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const program = await bundleProgram(files);
  const keep = (name: string, content: string): string => {
    const [base = '', ending = ''] = name.split('.');
    const path = `assets/${base}-${createHash('sha256').update(content).digest('base64url').slice(0, 8)}.${ending}`;
    files.set(path, content);
    return path;
  };
  const style = keep('page.css', renderStyle());
  const icon = keep('icon.svg', readFileSync(join(source, 'icon.svg'), 'utf8'));
  const template = readFileSync(join(source, 'index.html'), 'utf8');
  files.set('index.html', template.replace('PROGRAM', program).replace('STYLE', style).replace('ICON', icon));
  return files;
}

/** Adds the program's files; the path of the one that the document loads. */
async function bundleProgram(files: Map<string, string>): Promise<string> {
  const build = await rolldown({
    input: { page: join(source, 'main.tsx') },
    platform: 'browser',
    cwd: projectRoot,
    tsconfig: false,
    checks: { pluginTimings: false },
    moduleTypes: { '.css': 'text' },
    transform: { jsx: { runtime: 'automatic', importSource: 'preact' }, target: 'es2022' },
    plugins: [lightEndpoints],
    onLog(level, log, next) {
      if (level === 'warn') throw new Error(`page: ${log.message}`);
      next(level, log);
    },
  });
  try {
    const { output } = await build.generate({
      format: 'esm',
      entryFileNames: 'assets/[name]-[hash].js',
      chunkFileNames: 'assets/[name]-[hash].js',
      minify: true,
      comments: { legal: false },
    });
    let entry: string | undefined;
    for (const file of output) {
      if (file.type !== 'chunk') throw new Error(`page: ${file.fileName} is not a program; make it part of the code`);
      files.set(file.fileName, file.code);
      if (file.isEntry) entry = file.fileName;
    }
    if (entry === undefined) throw new Error('page: the bundler made no program');
    return entry;
  } finally {
    await build.close();
  }
}

/** The style sheets in the order of their names, without comments and indentation. */
function renderStyle(): string {
  return readdirSync(join(source, 'style'))
    .filter((name) => name.endsWith('.css'))
    .toSorted()
    .map((name) => readFileSync(join(source, 'style', name), 'utf8'))
    .join('\n')
    .replaceAll(/\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//g, '')
    .replaceAll(/\n\s*/g, '\n')
    .replaceAll(/\n{2,}/g, '\n');
}
