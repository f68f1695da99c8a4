import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkStart } from './check-start.ts';

const sources: Record<string, string> = {
  'src/cli/main.ts': "import { a } from './a.ts';\nimport type { B } from './b.ts';\n",
  'src/cli/a.ts': "import { Command } from 'commander';\nconst c = await import('./c.ts');\n",
  'src/cli/b.ts': "import { z } from 'zod';\n",
  'src/cli/c.ts': "import { z } from 'zod';\n",
  'src/cli/d.ts': "import { c } from './c.ts';\n",
};

test('what is imported as a type, or when it is come to, is not loaded at the start', () => {
  assert.deepEqual(
    checkStart((path) => sources[path]),
    [],
  );
});

test('a package that is loaded at the start is told with the way there', () => {
  assert.deepEqual(
    checkStart((path) => sources[path], 'src/cli/d.ts'),
    ['src/cli/d.ts → src/cli/c.ts: loads zod at the start of every command'],
  );
});
