import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLayers } from './check-layers.ts';

const packages = new Set(['zod', '@bomb.sh/tab']);

/** A small sound project, with files put in or replaced. */
function check(changes: Record<string, string>): string[] {
  const sound = {
    'src/lib/errors.ts': '',
    'src/lib/log.ts': "import { describeError } from './errors.ts';\n",
    'src/model/guest.ts': "import { z } from 'zod';\nimport { x } from '../lib/errors.ts';\n",
    'src/drivers/network.ts': "import type { Guest } from '../model/guest.ts';\n",
    'src/drivers/qemu/qemu.ts': "import type { Network } from '../network.ts';\n",
    'src/store/store.ts': '',
    'src/store/memory/memory-store.ts': "import type { Store } from '../store.ts';\n",
    'src/plan/start-order.ts': "import type { Guest } from '../model/guest.ts';\n",
    'src/engine/guest.ts': "import { Network } from '../drivers/network.ts';\nimport type { Store } from '../store/store.ts';\n",
    'src/helper/main.ts': "import { createServer } from 'node:net';\nimport type { Guest } from '../model/guest.ts';\n",
    'src/daemon/main.ts': "import { Qemu } from '../drivers/qemu/qemu.ts';\n",
    'src/api/client.ts': "import { Guest } from '../model/guest.ts';\n",
    'src/cli/main.ts': "import { Client } from '../api/client.ts';\nimport { tab } from '@bomb.sh/tab/commander';\n",
  };
  return checkLayers(new Map(Object.entries({ ...sound, ...changes })), packages);
}

const forbidden: [string, Record<string, string>, RegExp][] = [
  ['an import upwards', { 'src/model/a.ts': "import { x } from '../engine/guest.ts';\n" }, /a\.ts:1: .*model may not import engine/],
  ['an import sideways', { 'src/plan/a.ts': "import { x } from '../drivers/network.ts';\n" }, /plan may not import drivers/],
  ['a type taken upwards', { 'src/model/a.ts': "import type { X } from '../engine/guest.ts';\n" }, /model may not import engine/],
  ['a package in lib', { 'src/lib/a.ts': "import { z } from 'zod';\n" }, /lib uses nothing from npm/],
  ['a package in the helper', { 'src/helper/a.ts': "import { z } from 'zod';\n" }, /helper uses nothing from npm/],
  [
    'model code in the helper',
    { 'src/helper/a.ts': "import { x } from '../model/guest.ts';\n" },
    /helper may only `import type` from model/,
  ],
  ['inline types in the helper', { 'src/helper/a.ts': "import { type X } from '../model/guest.ts';\n" }, /only `import type`/],
  ['a driver in the engine', { 'src/engine/a.ts': "import { x } from '../drivers/qemu/qemu.ts';\n" }, /drivers only by its contracts/],
  ['a store in the engine', { 'src/engine/a.ts': "import { x } from '../store/memory/memory-store.ts';\n" }, /store only by its contracts/],
  ['an implementation in a contract', { 'src/drivers/a.ts': "import { x } from './qemu/qemu.ts';\n" }, /knows none of its implementations/],
  ['the engine in the command line', { 'src/cli/a.ts': "import { x } from '../engine/guest.ts';\n" }, /cli may not import engine/],
  ['the engine in the page', { 'src/web/a.ts': "import { x } from '../engine/guest.ts';\n" }, /web may not import engine/],
  [
    'local commands in the page',
    { 'src/web/a.ts': "import { x } from '../local/b.ts';\n", 'src/local/b.ts': '' },
    /web may not import local/,
  ],
  ['an unknown package', { 'src/model/a.ts': "import x from 'left-pad';\n" }, /left-pad is not among the dependencies/],
  ['a file outside src', { 'src/lib/a.ts': "import x from '../../scripts/b.ts';\n", 'scripts/b.ts': '' }, /lies outside src/],
  ['a folder without layer', { 'src/utils/a.ts': '' }, /lies in no layer/],
  ['a missing file', { 'src/lib/a.ts': "import x from './gone.ts';\n" }, /src\/lib\/gone\.ts does not exist/],
  ['an export from above', { 'src/model/a.ts': "export * from '../engine/guest.ts';\n" }, /model may not import engine/],
  ['a dynamic import', { 'src/model/a.ts': "const x = await import('../engine/guest.ts');\n" }, /model may not import engine/],
  ['an import over several lines', { 'src/lib/a.ts': "import {\n  x,\n  y,\n} from '../model/guest.ts';\n" }, /lib may not import model/],
  ['an import for its effect', { 'src/lib/a.ts': "import '../model/guest.ts';\n" }, /lib may not import model/],
  [
    'a circle',
    { 'src/lib/a.ts': "import './b.ts';\n", 'src/lib/b.ts': "import './c.ts';\n", 'src/lib/c.ts': "import './a.ts';\n" },
    /^src\/lib\/a\.ts → src\/lib\/b\.ts → src\/lib\/c\.ts → src\/lib\/a\.ts: import each other in a circle$/,
  ],
];

test('a sound project has no violation', () => {
  assert.deepEqual(check({}), []);
});

for (const [what, changes, expected] of forbidden) {
  test(`${what} is found, and found once`, () => {
    const violations = check(changes);
    assert.equal(violations.length, 1, violations.join('\n'));
    assert.match(violations[0] ?? '', expected);
  });
}

test('a test beside the code may use packages, implementations and shared test code', () => {
  const text = "import fc from 'fast-check';\nimport { x } from '../store/memory/memory-store.ts';\nimport { y } from '../../test/a.ts';\n";
  assert.deepEqual(check({ 'src/engine/guest.test.ts': text, 'test/a.ts': '' }), []);
});

test('words in comments and texts are not imports', () => {
  assert.deepEqual(check({ 'src/lib/a.ts': "// import x from '../engine/guest.ts';\nconst x = 'say: import y from ../engine';\n" }), []);
});
