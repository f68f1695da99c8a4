// What every command of the command line loads at its start. Making schemas takes as long as the rest of a short command; whoever needs
// them imports them when it has come to that.
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { isTablePath } from './light-endpoints.ts';
import { projectRoot } from './project.ts';
import { scanImports } from './scan-imports.ts';

const entry = 'src/cli/main.ts';
/** The parser of the command line, which every command needs. */
const allowed: ReadonlySet<string> = new Set(['commander']);

/** One line for each package that `entry` loads at once and should not, with the way there. */
export function checkStart(readSource: (path: string) => string | undefined, from = entry): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    if (seen.has(path) || isTablePath(path)) return;
    seen.add(path);
    const way = [...trail, path];
    for (const { specifier, typeOnly, dynamic } of scanImports(readSource(path) ?? '')) {
      if (typeOnly || dynamic || specifier.startsWith('node:')) continue;
      if (specifier.startsWith('.')) visit(posix.normalize(posix.join(posix.dirname(path), specifier)), way);
      else if (!allowed.has(specifier)) found.push(`${way.join(' → ')}: loads ${specifier} at the start of every command`);
    }
  };
  visit(from, []);
  return found;
}

export function checkProjectStart(): string[] {
  return checkStart((path) => (existsSync(`${projectRoot}/${path}`) ? readFileSync(`${projectRoot}/${path}`, 'utf8') : undefined));
}
