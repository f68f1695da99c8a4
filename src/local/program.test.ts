import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { placeProgram } from './program.ts';

/** A small program with something that stands for the node binary. */
function makeProgram(t: TestContext): { distFolder: string; node: string; base: string } {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-program-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const distFolder = join(folder, 'dist');
  mkdirSync(join(distFolder, 'web'), { recursive: true });
  writeFileSync(join(distFolder, 'helper.js'), 'export {};\n', { mode: 0o600 });
  writeFileSync(join(distFolder, 'web/index.html'), '<p>', { mode: 0o600 });
  writeFileSync(join(folder, 'node'), 'binary', { mode: 0o700 });
  return { distFolder, node: join(folder, 'node'), base: join(folder, 'base') };
}

test('the copy can be read by everybody, whatever the original and the umask allow', async (t) => {
  const program = makeProgram(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const placed = await placeProgram(program);
  const modeOf = (path: string) => (statSync(join(placed, path)).mode & 0o777).toString(8);
  assert.deepEqual(['.', '..', 'dist', 'dist/web', 'node'].map(modeOf), ['755', '755', '755', '755', '755']);
  assert.deepEqual(['dist/helper.js', 'dist/web/index.html'].map(modeOf), ['644', '644']);
  assert.equal(readFileSync(join(placed, 'dist/helper.js'), 'utf8'), 'export {};\n');
});

test('the same program is placed once, another one beside it with the same runtime', async (t) => {
  const program = makeProgram(t);
  const first = await placeProgram(program);
  const { ino } = statSync(join(first, 'dist'));
  assert.equal(await placeProgram(program), first);
  assert.equal(statSync(join(first, 'dist')).ino, ino);
  writeFileSync(join(program.distFolder, 'helper.js'), 'export const changed = true;\n');
  const second = await placeProgram(program);
  assert.notEqual(second, first);
  assert.equal(statSync(join(second, 'node')).ino, statSync(join(first, 'node')).ino);
});

test('several at once place one program and leave nothing half made', async (t) => {
  const program = makeProgram(t);
  const placed = await Promise.all([1, 2, 3, 4].map(() => placeProgram(program)));
  assert.equal(new Set(placed).size, 1);
  assert.deepEqual(readdirSync(program.base), [placed[0]?.split('/').at(-1)]);
});

test('an interrupted copy of long ago is removed, a young one may still be in the making', async (t) => {
  const program = makeProgram(t);
  const placed = await placeProgram(program);
  mkdirSync(join(program.base, '.new-old'));
  mkdirSync(join(program.base, '.new-young'));
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(join(program.base, '.new-old'), longAgo, longAgo);
  await placeProgram(program);
  assert.equal(existsSync(join(program.base, '.new-young')), true);
  assert.equal(existsSync(join(program.base, '.new-old')), false);
  assert.equal(existsSync(placed), true);
});

test('a program that is about to be started again is left alone by another one', async (t) => {
  const program = makeProgram(t);
  const placed = await placeProgram(program);
  const longAgo = new Date(Date.now() - 3_600_000);
  utimesSync(placed, longAgo, longAgo);
  await placeProgram(program);
  writeFileSync(join(program.distFolder, 'helper.js'), 'another one');
  const other = await placeProgram(program);
  assert.notEqual(other, placed);
  assert.ok(existsSync(placed));
  utimesSync(placed, longAgo, longAgo);
  await placeProgram(program);
  assert.equal(existsSync(placed), false, 'nobody has wanted it for long');
});

test('a clone that was never built gets told how', async (t) => {
  const program = makeProgram(t);
  rmSync(program.distFolder, { recursive: true });
  mkdirSync(program.distFolder);
  await assert.rejects(placeProgram(program), /build it with `npm run build`/);
});
