// Words that have no place in the project: paths of one machine, package servers' names, a TODO that nobody can look up.
import { readFileSync } from 'node:fs';
import { projectFiles, projectRoot } from './project.ts';

const forbidden: { pattern: RegExp; why: string; except?: RegExp }[] = [
  { pattern: /(?:^|[^\w.])\/work\//, why: 'a path of somebody’s machine', except: /^\.ci\/run$/ },
  { pattern: /\b(?:deb|security|snapshot)\.debian\.org\b/, why: 'a package server: take it from the machine’s own settings' },
  { pattern: /\bregistry\.(?:npmjs|yarnpkg)\.\w+/, why: 'a package server: take it from the machine’s own settings' },
  { pattern: /\b(?:TODO|FIXME|XXX)\b(?!\s*\(#\d+\))/, why: 'a task without a number: write TODO(#12)' },
  { pattern: /^(?:<{7}|>{7})/, why: 'a merge that was not finished' },
];

const self = /^scripts\/check-words(?:\.test)?\.ts$/;
const binary = /\.(?:png|ico|woff2|gz|zst|qcow2|img)$/;

/** One line for each place in `text` where a forbidden word stands. */
export function findForbiddenWords(path: string, text: string): string[] {
  if (self.test(path) || path === 'package-lock.json') return [];
  return text
    .split('\n')
    .flatMap((line, index) =>
      forbidden
        .filter(({ pattern, except }) => pattern.test(line) && !except?.test(path))
        .map(({ pattern, why }) => `${path}:${index + 1}: ${pattern.exec(line)?.[0].trim()}: ${why}`),
    );
}

export function checkProjectWords(): string[] {
  return projectFiles()
    .filter((path) => !binary.test(path))
    .flatMap((path) => findForbiddenWords(path, readFileSync(`${projectRoot}/${path}`, 'utf8')));
}
