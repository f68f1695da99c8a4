import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findMissingPackages } from './debian-packages.mjs';
import { whyInstall } from './npm-packages.mjs';

const locked = {
  '': { name: 'caisson' },
  'node_modules/zod': { version: '4.0.0', integrity: 'sha512-a' },
  'node_modules/only-elsewhere': { version: '1.0.0', integrity: 'sha512-b', optional: true },
};

function makeProject(t: TestContext, installed: Record<string, unknown> | undefined): string {
  const root = mkdtempSync(join(tmpdir(), 'caisson-prepare-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: locked }));
  mkdirSync(join(root, `node_modules/node-linux-${process.arch}/bin`), { recursive: true });
  writeFileSync(join(root, `node_modules/node-linux-${process.arch}/bin/node`), '');
  if (installed) writeFileSync(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: installed }));
  return root;
}

test('a fresh clone needs npm packages', (t) => {
  assert.match(whyInstall(makeProject(t, undefined)) ?? '', /not installed yet/);
});

test('what the lockfile says is installed, but for what other machines need, is enough', (t) => {
  assert.equal(whyInstall(makeProject(t, { 'node_modules/zod': locked['node_modules/zod'] })), undefined);
});

test('another version, another content, or nothing in its place is named', (t) => {
  for (const zod of [
    { version: '3.0.0', integrity: 'sha512-a' },
    { version: '4.0.0', integrity: 'sha512-z' },
  ]) {
    assert.match(whyInstall(makeProject(t, { 'node_modules/zod': zod })) ?? '', /^zod is not the one of the lockfile/);
  }
  assert.match(whyInstall(makeProject(t, {})) ?? '', /^zod is not/);
});

test('a missing runtime is noticed', (t) => {
  const root = makeProject(t, { 'node_modules/zod': locked['node_modules/zod'] });
  rmSync(join(root, `node_modules/node-linux-${process.arch}/bin/node`));
  assert.match(whyInstall(root) ?? '', /Node\.js/);
});

test('every Debian package has a reason and a purpose, and is named once', () => {
  const list = JSON.parse(readFileSync(new URL('../system-packages.json', import.meta.url), 'utf8')) as Record<string, unknown>[];
  for (const { name, why, for: purposes, ...rest } of list) {
    assert.match(String(name), /^[a-z0-9][a-z0-9.+-]+$/);
    assert.match(String(why), /\w{3}/, `${String(name)} has a reason`);
    assert.ok(
      Array.isArray(purposes) &&
        purposes.length > 0 &&
        purposes.every((each) => ['run', 'images', 'demo', 'test', 'bench'].includes(String(each))),
    );
    // What people need to run Caisson is in every release.
    assert.ok(Object.keys(rest).every((key) => key === 'arch' || (key === 'optional' && String(purposes) === 'test')));
  }
  assert.equal(new Set(list.map(({ name }) => name)).size, list.length);
});

test('a task without purposes misses no Debian package', () => {
  assert.deepEqual(findMissingPackages([]), []);
});
