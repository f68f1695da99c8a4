// What the documents show must work: every site file in README and guides parses, and applies to a simulated host; so does every example.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';

const root = join(import.meta.dirname, '..', '..');

interface Example {
  name: string;
  text: string;
  folder: string;
}

function examples(): Example[] {
  const guides = readdirSync(join(root, 'docs', 'guide')).filter((file) => file.endsWith('.md'));
  const documents = ['README.md', ...guides.map((file) => join('docs', 'guide', file))];
  const inDocuments = documents.flatMap((path) => {
    const blocks = [...readFileSync(join(root, path), 'utf8').matchAll(/^```yaml\n([\s\S]*?)^```/gm)];
    return blocks.map((block, index) => ({ name: `${path}, number ${index + 1}`, text: block[1] as string, folder: root }));
  });
  const files = readdirSync(join(root, 'examples')).map((folder) => join(root, 'examples', folder, 'site.yaml'));
  return [
    ...inDocuments,
    ...files.map((path) => ({ name: path.slice(root.length + 1), text: readFileSync(path, 'utf8'), folder: dirname(path) })),
  ];
}

const found = examples();

test('README and guides have examples at all', () => {
  assert.ok(found.some((example) => example.name.startsWith('README')) && found.some((example) => example.name.startsWith('docs/guide')));
});

for (const { name, text, folder } of found) {
  test(`${name} parses and applies`, async () => {
    const parsed = parseSiteFile(text, (path) => readFileSync(join(folder, path)));
    assert.ok('site' in parsed, JSON.stringify(parsed));
    const daemon = await startSimulatedDaemon({ bootMs: 10 });
    try {
      const started = await daemon.engine.applySite(parsed.site, { prune: false, deleteDisks: false, overwrite: false }, 'test');
      const job = await daemon.engine.jobs.wait(started.uid);
      assert.equal(job.state, 'succeeded', job.error?.message);
      assert.ok(daemon.engine.guests().every((guest) => guest.status.ready));
    } finally {
      await daemon.close();
    }
  });
}
