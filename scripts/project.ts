// Where the project lies and which files are its own.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** What .gitignore leaves out, and git itself: the project is checked without git too. */
const notOurs = new Set(['.git', 'node_modules', 'dist', 'artefacts']);

/** Every file of the project, relative to its root, sorted. */
export function projectFiles(folder = ''): string[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true })
    .filter(({ name }) => !notOurs.has(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return projectFiles(path);
      return entry.isFile() && !path.endsWith('.tsbuildinfo') ? [path] : [];
    })
    .toSorted();
}
