// Image work by the helper: always as the daemon's user, in the host's own network, to its end or leaving nothing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { createHelperFixture, type RunningHelper } from './helper-fixture.ts';

/** Says who and where it is; `wait` in the recipe makes it wait to be ended. */
const builder = `
import fs from 'node:fs';
const [recipe, out, ...places] = process.argv.slice(2);
const wish = JSON.parse(fs.readFileSync(recipe, 'utf8'));
const say = (value) => process.stdout.write(JSON.stringify(value) + '\\n');
say({ step: 'thinking', fraction: 0.5 });
if (wish.fail) { process.stderr.write('first words\\nno such package: nonsense\\n'); process.exit(1); }
if (wish.wait) { process.on('SIGTERM', () => process.exit(1)); setInterval(() => {}, 1000); }
else { fs.writeFileSync(out, 'image'); say({ result: { user: process.getuid(), network: fs.readlinkSync('/proc/self/ns/net'), places } }); }
`;

const fixture = createHelperFixture('images');
const images = `${fixture.data}/images`;
let helper: RunningHelper;
const content = Buffer.alloc(300_000, 'caisson');
const sha256 = createHash('sha256').update(content).digest('hex');
const server = createServer((request, response) => {
  if (request.url === '/a.qcow2') response.end(content);
  else response.writeHead(404).end();
});
let base = '';

before(async () => {
  writeFileSync(`${fixture.folder}/builder.mjs`, builder);
  chmodSync(`${fixture.folder}/builder.mjs`, 0o644);
  helper = await fixture.start({ args: ['--netns', 'cst-helper-images', '--image-builder', `${fixture.folder}/builder.mjs`] });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});
after(async () => {
  server.close();
  await fixture.remove();
});

test('a file is fetched by the daemon’s user, and complete under its name', async () => {
  const outPath = `${images}/fetched.qcow2`;
  assert.deepEqual(await helper.client.call('imageFetch', { url: `${base}/a.qcow2`, sha256, outPath }), { sizeBytes: content.length });
  assert.equal(statSync(outPath).uid, fixture.user.userId);
  assert.ok(readFileSync(outPath).equals(content));
});

test('another digest, and a file that is not there, are failures that leave nothing', async () => {
  const before = readdirSync(images);
  const outPath = `${images}/wrong.qcow2`;
  await assert.rejects(helper.client.call('imageFetch', { url: `${base}/a.qcow2`, sha256: '0'.repeat(64), outPath }), {
    code: 'failed',
    message: new RegExp(sha256),
  });
  await assert.rejects(helper.client.call('imageFetch', { url: `${base}/none`, sha256, outPath }), { code: 'failed', message: /404/ });
  assert.deepEqual(readdirSync(images), before);
});

function recipe(wish: unknown): string {
  const path = `${images}/recipe.json`;
  writeFileSync(path, JSON.stringify(wish), { mode: 0o644 });
  return path;
}

test('an image is built by the daemon’s user in the host’s own network, and its progress is told', async () => {
  const progress: unknown[] = [];
  const outPath = `${images}/built.qcow2`;
  const args = { recipePath: recipe({}), outPath, manifestPath: `${images}/built.manifest` };
  const { result } = await helper.client.call('imageBuild', args, { onProgress: (value) => progress.push(value) });
  const { network, places, user } = result as { network: string; places: string[]; user: number };
  assert.equal(user, fixture.user.userId);
  assert.equal(network, `net:[${statSync('/proc/self/ns/net').ino}]`);
  assert.deepEqual(places, [
    '--work',
    '/var/cache/caisson/work',
    '--packages',
    '/var/cache/caisson/packages',
    '--manifest',
    `${images}/built.manifest`,
  ]);
  assert.deepEqual(progress, [{ step: 'thinking', fraction: 0.5 }]);
  assert.equal(statSync(outPath).uid, fixture.user.userId);
});

test('a build that fails says its last words', async () => {
  await assert.rejects(helper.client.call('imageBuild', { recipePath: recipe({ fail: true }), outPath: `${images}/none.qcow2` }), {
    code: 'failed',
    message: /no such package: nonsense$/,
  });
});

test('a build that is cancelled ends', async () => {
  const abort = new AbortController();
  const args = { recipePath: recipe({ wait: true }), outPath: `${images}/none.qcow2` };
  await assert.rejects(helper.client.call('imageBuild', args, { signal: abort.signal, onProgress: () => abort.abort() }), {
    code: 'cancelled',
  });
  assert.equal(existsSync(args.outPath), false);
});
