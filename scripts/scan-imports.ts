// Finds the imports of a source text. Relies on the format that `npm run check` enforces: a static import begins its line.

export interface Import {
  /** As written: `../lib/errors.ts`, `node:fs`, `zod`. */
  specifier: string;
  line: number;
  /** Gone when types are stripped: it cannot have an effect at run time. */
  typeOnly: boolean;
  /** Loaded when it is come to, not at the start. */
  dynamic: boolean;
}

const staticImport = /^(?:import|export)\s+(type\s+)?(?:[\w$*{},\s]+?\s+from\s+)?(['"])([^'"\n]+)\2/gm;
const dynamicImport = /(?<![\w$.])import\(\s*(['"])([^'"\n]+)\1\s*\)/g;

export function scanImports(source: string): Import[] {
  const lineOf = (offset: number) => source.slice(0, offset).split('\n').length;
  const found: Import[] = [];
  for (const match of source.matchAll(staticImport)) {
    found.push({ specifier: match[3] ?? '', line: lineOf(match.index), typeOnly: match[1] !== undefined, dynamic: false });
  }
  for (const match of source.matchAll(dynamicImport)) {
    found.push({ specifier: match[2] ?? '', line: lineOf(match.index), typeOnly: false, dynamic: true });
  }
  return found.toSorted((a, b) => a.line - b.line);
}
