import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { rolldown } from 'rolldown';
import { leanBuiltins } from './lean-builtins.ts';

test('a bundle uses built-in modules in every way of import, and loads nothing that it does not use', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-lean-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const entry = join(folder, 'entry.ts');
  writeFileSync(
    entry,
    `import http, { request } from 'node:http';
     import * as path from 'path';
     import { readFile } from 'node:fs/promises';
     const loaded = process.moduleLoadList.some((name) => name.includes('undici'));
     console.log(JSON.stringify([http.request === request, path.join('a', 'b'), typeof readFile, loaded]));`,
  );
  const build = await rolldown({
    input: entry,
    platform: 'node',
    tsconfig: false,
    plugins: [leanBuiltins],
    treeshake: { propertyReadSideEffects: false },
  });
  const { output } = await build.generate({ format: 'esm' });
  await build.close();
  const program = join(folder, 'program.mjs');
  writeFileSync(program, output[0].code);
  assert.doesNotMatch(output[0].code, /WebSocket|ClientRequest/);
  const said = execFileSync(process.execPath, [program], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(said), [true, 'a/b', 'function', false]);
});
