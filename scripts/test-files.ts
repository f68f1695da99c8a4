// Which test files there are, and how each wants to be run.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFiles, projectRoot } from './project.ts';

export interface EndToEndFile {
  path: string;
  /** Runs when nothing else does: it measures, or loads both processors. Said by `// e2e: alone` near the top. */
  alone: boolean;
  /** Said by `// e2e: limit 20 min`. */
  limitMs: number;
  /** With `--long`, said by `// e2e: limit 20 min, long 90 min`. A file that does no more then has three times its limit all the same. */
  longLimitMs: number;
}

const usualLimitMs = 10 * 60_000;

/** Fast tests that share processes; paths in the project. */
export function findPureTests(): string[] {
  return projectFiles().filter((path) => /^(?:src|test|scripts|bench)\/.*\.test\.ts$/.test(path));
}

/** Tests of the real thing, a process each. */
export function findEndToEndTests(): EndToEndFile[] {
  return projectFiles()
    .filter((path) => /^test\/e2e\/.*\.e2e\.ts$/.test(path))
    .map((path) => ({ path, ...parseWishes(readFileSync(join(projectRoot, path), 'utf8')) }));
}

export function parseWishes(source: string): Omit<EndToEndFile, 'path'> {
  const head = source.split('\n').slice(0, 10).join('\n');
  const minutes = (word: string) => {
    const found = new RegExp(`^// e2e:.*\\b${word} (\\d+) min\\b`, 'm').exec(head);
    return found ? Number(found[1]) * 60_000 : undefined;
  };
  const limitMs = minutes('limit') ?? usualLimitMs;
  return { alone: /^\/\/ e2e:.*\balone\b/m.test(head), limitMs, longLimitMs: minutes('long') ?? 3 * limitMs };
}
