import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CaissonError } from '../../lib/errors.ts';
import { waitFor } from '../../lib/wait-for.ts';
import type { ImageRecipe } from '../../model/image-recipe.ts';
import type { ImageSource } from '../images.ts';
import { createImages, type ImagesOptions } from './image-cache.ts';

const recipe: ImageRecipe = { recipe: 'debian', suite: 'bookworm', packages: ['nginx'], files: {}, run: [], sizeMib: 2048 };
const source: ImageSource = { kind: 'recipe', recipe };

interface Trial {
  images: Awaited<ReturnType<typeof createImages>>;
  cacheFolder: string;
  imagesFolder: string;
  builds: () => number;
  again: (changes?: Partial<ImagesOptions>) => ReturnType<typeof createImages>;
}

async function trial(t: TestContext, changes: Partial<ImagesOptions> = {}): Promise<Trial> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-images-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  let builds = 0;
  const options: ImagesOptions = {
    cacheFolder: join(folder, 'cache'),
    imagesFolder: join(folder, 'images'),
    async build(recipePath, outPath, onProgress) {
      builds += 1;
      onProgress({ step: 'installing', fraction: 0.5 });
      await writeFile(outPath, `image of ${await readFile(recipePath, 'utf8')}`);
      return { path: outPath, packages: ['nginx=1'], manifestSha256: 'm', sizeBytes: 1 };
    },
    fetch: () => Promise.reject(new CaissonError('failed', 'nothing is fetched here')),
    ...changes,
  };
  const { cacheFolder, imagesFolder } = options;
  return {
    images: await createImages(options),
    cacheFolder,
    imagesFolder,
    builds: () => builds,
    again: (more) => createImages({ ...options, ...more }),
  };
}

test('an image is made once, then found, also by another data directory', async (t) => {
  const { images, builds, again, imagesFolder, cacheFolder } = await trial(t);
  const steps: string[] = [];
  const made = await images.make(source, (progress) => steps.push(progress.step));
  assert.deepEqual(steps, ['installing']);
  assert.deepEqual(made.packages, ['nginx=1']);
  assert.equal(made.path, join(imagesFolder, `${made.digest}.qcow2`));
  assert.match(await readFile(made.path, 'utf8'), /^image of \{"files"/);
  assert.deepEqual(await images.find(made.digest), {
    path: made.path,
    packages: ['nginx=1'],
    manifestSha256: 'm',
    sizeBytes: made.sizeBytes,
  });
  const other = await again({ imagesFolder: join(imagesFolder, '../other') });
  assert.equal((await other.make(source, () => undefined)).digest, made.digest);
  assert.equal(builds(), 1);
  assert.equal((await stat(made.path)).ino, (await stat(join(cacheFolder, `${made.digest}.qcow2`))).ino);
  assert.deepEqual((await readdir(cacheFolder)).toSorted(), [`${made.digest}.json`, `${made.digest}.qcow2`]);
});

test('two who want the same image at once wait for one build, and both hear its progress', async (t) => {
  const { images, builds } = await trial(t);
  const heard = [0, 0];
  const [one, two] = await Promise.all([0, 1].map((index) => images.make(source, () => void (heard[index] = (heard[index] ?? 0) + 1))));
  assert.deepEqual(one, two);
  assert.equal(builds(), 1);
  assert.deepEqual(heard, [1, 1]);
});

test('a failed build leaves nothing, says why, and can be tried again', async (t) => {
  let broken = true;
  const { images, cacheFolder, imagesFolder } = await trial(t, {
    async build(_recipe, outPath) {
      await writeFile(outPath, 'half');
      if (broken) throw new CaissonError('failed', 'installing remaining packages failed: E: Unable to locate package nginx');
      return { path: outPath, packages: [], manifestSha256: 'm', sizeBytes: 4 };
    },
  });
  await assert.rejects(
    images.make(source, () => undefined),
    /Unable to locate package nginx/,
  );
  assert.deepEqual([...(await readdir(cacheFolder)), ...(await readdir(imagesFolder))], []);
  broken = false;
  assert.ok((await images.make(source, () => undefined)).path);
});

test('a build is stopped when the last who waits for it leaves, and not before', async (t) => {
  const stopped = Promise.withResolvers<void>();
  const { images, cacheFolder } = await trial(t, {
    build: (_recipe, _out, onProgress, signal) => {
      onProgress({ step: 'waiting' });
      const { promise, reject } = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => {
        stopped.resolve();
        reject(new CaissonError('cancelled', 'stopped'));
      });
      return promise;
    },
  });
  const leave = [new AbortController(), new AbortController()] as const;
  const waiters = leave.map((controller) => images.make(source, () => undefined, controller.signal));
  const outcomes = Promise.allSettled(waiters);
  await waitFor('the build runs', async () => (await readdir(cacheFolder)).length > 0, { timeoutMs: 5000 });
  leave[0].abort();
  await assert.rejects(waiters[0] as Promise<unknown>, { code: 'cancelled' });
  assert.equal(
    await Promise.race([stopped.promise.then(() => 'stopped'), new Promise((resolve) => setImmediate(() => resolve('goes on')))]),
    'goes on',
  );
  leave[1].abort();
  await stopped.promise;
  assert.deepEqual(
    (await outcomes).map((outcome) => outcome.status),
    ['rejected', 'rejected'],
  );
  assert.deepEqual(await readdir(cacheFolder), []);
});

test('what a killed process was making is no image, and is removed by the next', async (t) => {
  const { images, cacheFolder, imagesFolder, again } = await trial(t);
  const digest = await images.digest(source);
  const dead = join(cacheFolder, `${digest}.4194304-0badcafe.part`);
  const own = join(imagesFolder, `${digest}.${process.pid}-0badcafe.part`);
  const living = join(cacheFolder, `${digest}.1-0badcafe.part`);
  for (const path of [dead, own, living]) await writeFile(path, 'half');
  await utimes(own, 0, 0);
  // The facts are written before the image gets its name: alone they are no image.
  await writeFile(join(imagesFolder, `${digest}.json`), '{}');
  assert.equal(await images.find(digest), undefined);
  assert.deepEqual(await images.list(), []);
  await again();
  assert.deepEqual(await readdir(cacheFolder), [`${digest}.1-0badcafe.part`]);
  assert.deepEqual(await readdir(imagesFolder), [`${digest}.json`]);
});

test('a removed image is gone from the data directory and comes back from the cache', async (t) => {
  const { images, builds } = await trial(t);
  const made = await images.make(source, () => undefined);
  assert.deepEqual(
    (await images.list()).map((image) => image.digest),
    [made.digest],
  );
  await images.remove(made.digest);
  await images.remove(made.digest);
  assert.equal(await images.find(made.digest), undefined);
  assert.deepEqual(await images.list(), []);
  await images.make(source, () => undefined);
  assert.equal(builds(), 1);
});

test('the digest names the recipe: order of packages and fields is nothing, everything else is', async (t) => {
  const { images } = await trial(t);
  const digest = (changes: Partial<ImageRecipe>) => images.digest({ kind: 'recipe', recipe: { ...recipe, ...changes } });
  const one = await digest({});
  assert.equal(await digest({ packages: ['nginx', 'nginx'] }), one);
  assert.equal(
    await images.digest({ kind: 'recipe', recipe: Object.fromEntries(Object.entries(recipe).toReversed()) as unknown as ImageRecipe }),
    one,
  );
  const others = [
    { suite: 'trixie' as const },
    { packages: [] },
    { run: ['true'] },
    { sizeMib: 2049 },
    { files: { '/etc/motd': { text: '', mode: '0644' } } },
  ];
  const digests = await Promise.all(others.map(digest));
  assert.equal(new Set([one, ...digests]).size, 1 + others.length);
});

/** A raw disk: a boot signature and nothing else. */
function rawDisk(): Buffer {
  const disk = Buffer.alloc(1024 * 1024);
  disk.writeUInt16LE(0xaa55, 510);
  disk.write('content', 4096);
  return disk;
}

test('a raw file becomes a qcow2 image named by its content', async (t) => {
  const { images, imagesFolder } = await trial(t);
  const path = join(imagesFolder, '../disk.img');
  await writeFile(path, rawDisk());
  let made;
  try {
    made = await images.make({ kind: 'file', path }, () => undefined);
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'missing') return t.skip('bubblewrap or qemu-img is not installed');
    throw error;
  }
  assert.equal(made.digest, createHash('sha256').update(rawDisk()).digest('hex'));
  const bytes = await readFile(made.path);
  assert.equal(bytes.readUInt32BE(0), 0x514649fb);
  assert.ok(bytes.includes('content'));
});

test('a fetched image is named by the digest that was asked for, and checked before it is used', async (t) => {
  const bad = Buffer.alloc(1024);
  bad.writeUInt32BE(0x514649fb, 0);
  bad.writeUInt32BE(3, 4);
  bad.writeBigUInt64BE(512n, 8);
  const contents: Record<string, Buffer> = {
    'http://example.org/page': Buffer.from('<html>not found</html>'.padEnd(2000)),
    'http://example.org/bad': bad,
  };
  const { images, cacheFolder } = await trial(t, { fetch: (url, _sha256, outPath) => writeFile(outPath, contents[url] ?? '') });
  const make = (url: string) => images.make({ kind: 'url', url, sha256: 'a'.repeat(64) }, () => undefined);
  await assert.rejects(make('http://example.org/page'), /neither a qcow2 image nor a raw disk/);
  await assert.rejects(make('http://example.org/bad'), /backing file/);
  assert.deepEqual(await readdir(cacheFolder), []);
});

test('files that are no disks are refused, each with what to do', async (t) => {
  const { images, imagesFolder } = await trial(t);
  const path = join(imagesFolder, '../given');
  const make = () => images.make({ kind: 'file', path }, () => undefined);
  await assert.rejects(make(), { code: 'missing' });
  for (const [content, message] of [
    ['KDMV', /VMDK.*qemu-img convert/],
    ['vhdxfile', /VHDX/],
    ['\x1f\x8b', /gzip -d/],
    ['', /neither/],
  ] as const) {
    await writeFile(path, Buffer.from(content.padEnd(1024, '\0'), 'latin1'));
    await assert.rejects(make(), message);
  }
  await writeFile(path, Buffer.concat([rawDisk(), Buffer.alloc(5)]));
  await assert.rejects(make(), /cut off/);
  await rm(path);
  await mkdir(path);
  await assert.rejects(make());
});
