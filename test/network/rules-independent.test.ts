// The check of the rules in force is worth something only because a mistake in what makes the rules is not repeated here.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';
import { scanImports } from '../../scripts/scan-imports.ts';

const folder = 'src/plan/rules';
/** All of it that is not of this folder: what things are, and the verdict on flows. */
const others = [
  'src/model/address.ts',
  'src/model/network-state.ts',
  'src/model/rules-check.ts',
  'src/lib/errors.ts',
  'src/plan/reachability.ts',
];

function importsOf(path: string): string[] {
  return scanImports(readFileSync(path, 'utf8'))
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier }) => posix.normalize(posix.join(posix.dirname(path), specifier)));
}

test('the evaluator shares nothing with what renders rules or plans the network', () => {
  const files = readdirSync(folder).filter((name) => !name.endsWith('.test.ts'));
  const used = new Set([...files.map((name) => `${folder}/${name}`), 'src/plan/reachability.ts'].flatMap(importsOf));
  assert.deepEqual(
    [...used].filter((path) => !path.startsWith(`${folder}/`) && !others.includes(path)),
    [],
  );
});
