// Images by the digest of what they were made from. Made under another name in the cache, synced, then renamed: what has the
// name is complete, also after a crash. The data directory gets a hard link, or a copy where it lies on another file system.
//
//   cache/DIGEST.qcow2, cache/DIGEST.json (what is known about it; written first)     images/DIGEST.qcow2, images/DIGEST.json
//   cache/DIGEST.PID-RANDOM.part…   being made by process PID
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { syncFolder, writeDurably } from '../../lib/durable-file.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { BuiltImage } from '../../model/image-recipe.ts';
import type { ImageProgress, Images, ImageSource } from '../images.ts';
import { convertForeignImage, readForeignImage } from './foreign-image.ts';
import { digestRecipe, renderCanonicalJson } from './recipe-digest.ts';

export interface ImagesOptions {
  /** Shared by all data directories of the host. */
  cacheFolder: string;
  /** Of this data directory: what guests' disks are based on. */
  imagesFolder: string;
  /** Runs the builder on a recipe file; the image must be complete at `outPath` when it resolves. */
  build: (recipePath: string, outPath: string, onProgress: (progress: ImageProgress) => void, signal: AbortSignal) => Promise<BuiltImage>;
  /** Fetches a file and has checked its SHA-256 when it resolves. */
  fetch: (
    url: string,
    sha256: string,
    outPath: string,
    onProgress: (progress: ImageProgress) => void,
    signal: AbortSignal,
  ) => Promise<void>;
}

interface Flight {
  promise: Promise<BuiltImage>;
  listeners: Set<(progress: ImageProgress) => void>;
  waiting: number;
  stop: AbortController;
}

const digestPattern = /^[0-9a-f]{64}$/;
const partPattern = /^[0-9a-f]{64}\.(\d+)-[0-9a-f]+\.part/;

export async function createImages(options: ImagesOptions): Promise<Images> {
  const { cacheFolder, imagesFolder } = options;
  await mkdir(cacheFolder, { recursive: true });
  await mkdir(imagesFolder, { recursive: true });
  for (const folder of [cacheFolder, imagesFolder]) await removeStaleParts(folder);
  const flights = new Map<string, Flight>();
  const fileDigests = new Map<string, { stamp: string; sha256: string }>();
  const newPart = (folder: string, digest: string) => join(folder, `${digest}.${process.pid}-${randomBytes(4).toString('hex')}.part`);

  const digestFile = async (path: string): Promise<string> => {
    const about = await stat(path, { bigint: true }).catch((cause: unknown) => {
      throw new CaissonError('missing', `the image file ${path} cannot be read`, { cause });
    });
    // The content of a large file is read once, and again only when it was written since.
    const stamp = `${about.dev} ${about.ino} ${about.size} ${about.mtimeNs} ${about.ctimeNs}`;
    const known = fileDigests.get(path);
    if (known?.stamp === stamp) return known.sha256;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    const sha256 = hash.digest('hex');
    fileDigests.set(path, { stamp, sha256 });
    return sha256;
  };

  const digestOf = async (source: ImageSource): Promise<string> => {
    if (source.kind === 'recipe') return digestRecipe(source.recipe);
    return source.kind === 'url' ? source.sha256.toLowerCase() : digestFile(source.path);
  };

  /** Makes the image at `part`; returns what is known about it. */
  const produce = async (source: ImageSource, part: string, onProgress: Flight['listeners'], signal: AbortSignal): Promise<BuiltImage> => {
    const say = (progress: ImageProgress) => onProgress.forEach((listener) => listener(progress));
    if (source.kind === 'recipe') {
      const recipePath = `${part}.json`;
      try {
        await writeFile(recipePath, renderCanonicalJson(source.recipe));
        return await options.build(recipePath, part, say, signal);
      } finally {
        await rm(recipePath, { force: true });
      }
    }
    const fetched = `${part}.fetched`;
    try {
      if (source.kind === 'url') {
        say({ step: `fetching ${source.url}` });
        await options.fetch(source.url, source.sha256, fetched, say, signal);
      }
      const from = source.kind === 'url' ? fetched : source.path;
      const image = await readForeignImage(from, source.kind === 'url' ? source.url : source.path);
      say({ step: image.format === 'qcow2' ? 'copying' : 'converting to qcow2' });
      await convertForeignImage(from, image, part, signal);
      const { size } = await stat(part);
      // Whose content it is, is all that is known of an image made elsewhere.
      return { path: part, packages: [], manifestSha256: await digestOf(source), sizeBytes: size };
    } finally {
      await rm(fetched, { force: true });
    }
  };

  const makeOnce = async (
    source: ImageSource,
    digest: string,
    onProgress: Flight['listeners'],
    signal: AbortSignal,
  ): Promise<BuiltImage> => {
    if (!(await readImage(cacheFolder, digest))) {
      const part = newPart(cacheFolder, digest);
      try {
        const built = await produce(source, part, onProgress, signal);
        await chmod(part, 0o644); // guests' processes read it, each as its own user
        await sync(part);
        await writeDurably(join(cacheFolder, `${digest}.json`), JSON.stringify({ ...built, path: `${digest}.qcow2` }), 0o644);
        await rename(part, join(cacheFolder, `${digest}.qcow2`));
        await syncFolder(cacheFolder);
      } finally {
        await rm(part, { force: true });
      }
    }
    await take(digest);
    const made = await readImage(imagesFolder, digest);
    if (!made) throw new CaissonError('internal', `the image ${digest} was made and is not there`);
    return made;
  };

  /** From the cache into the data directory. */
  const take = async (digest: string): Promise<void> => {
    for (const name of [`${digest}.json`, `${digest}.qcow2`]) {
      const part = newPart(imagesFolder, digest);
      try {
        await link(join(cacheFolder, name), part).catch(async (error: NodeJS.ErrnoException) => {
          if (!['EXDEV', 'EPERM', 'EMLINK', 'EOPNOTSUPP'].includes(error.code ?? '')) throw error;
          await copyFile(join(cacheFolder, name), part);
          await sync(part);
        });
        await rename(part, join(imagesFolder, name));
      } finally {
        await rm(part, { force: true }); // a rename onto a link of the same file leaves both names
      }
    }
    await syncFolder(imagesFolder);
  };

  return {
    digest: digestOf,
    find: (digest) => readImage(imagesFolder, digest),
    async make(source, onProgress, signal) {
      signal?.throwIfAborted();
      const digest = await digestOf(source);
      const present = await readImage(imagesFolder, digest);
      if (present) return { ...present, digest };
      const flight = flights.get(digest) ?? start(source, digest);
      flight.waiting += 1;
      flight.listeners.add(onProgress);
      // A maker that nobody waits for any more is stopped; as long as one waits, it goes on for him.
      const { promise: left, reject } = Promise.withResolvers<never>();
      const leave = () => reject(new CaissonError('cancelled', 'waiting for the image was cancelled', { cause: signal?.reason }));
      signal?.addEventListener('abort', leave, { once: true });
      try {
        return { ...(await Promise.race([flight.promise, left])), digest };
      } finally {
        signal?.removeEventListener('abort', leave);
        flight.listeners.delete(onProgress);
        flight.waiting -= 1;
        if (flight.waiting === 0) {
          if (flights.get(digest) === flight) flights.delete(digest); // who comes now starts anew
          flight.stop.abort();
          await flight.promise.catch(() => undefined);
        }
      }
    },
    async list() {
      const names = (await readdir(imagesFolder)).filter((name) => name.endsWith('.qcow2') && digestPattern.test(name.slice(0, -6)));
      return Promise.all(
        names.toSorted().map(async (name) => {
          const path = join(imagesFolder, name);
          return { digest: name.slice(0, -6), path, sizeBytes: (await stat(path)).size };
        }),
      );
    },
    async remove(digest) {
      checkDigest(digest);
      await rm(join(imagesFolder, `${digest}.qcow2`), { force: true });
      await rm(join(imagesFolder, `${digest}.json`), { force: true });
      await syncFolder(imagesFolder);
    },
  };

  function start(source: ImageSource, digest: string): Flight {
    const stop = new AbortController();
    const listeners: Flight['listeners'] = new Set();
    const promise = makeOnce(source, digest, listeners, stop.signal);
    const flight = { promise, listeners, waiting: 0, stop };
    flights.set(digest, flight);
    const land = () => {
      if (flights.get(digest) === flight) flights.delete(digest);
    };
    promise.then(land, land); // its waiters get the error; when all have left, nobody does
    return flight;
  }
}

/** The image of a digest in a folder, complete; undefined when it is not there. */
async function readImage(folder: string, digest: string): Promise<BuiltImage | undefined> {
  checkDigest(digest);
  const path = join(folder, `${digest}.qcow2`);
  try {
    const { size } = await stat(path);
    const about = JSON.parse(await readFile(join(folder, `${digest}.json`), 'utf8')) as BuiltImage;
    return { path, packages: about.packages, manifestSha256: about.manifestSha256, sizeBytes: size };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new CaissonError('failed', `the image ${path} cannot be read`, { cause: error });
  }
}

function checkDigest(digest: string): void {
  if (!digestPattern.test(digest)) throw new CaissonError('invalid', `${JSON.stringify(digest)} is not the digest of an image`);
}

/** What a process that is gone was making. */
async function removeStaleParts(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = partPattern.exec(name)?.[1];
    if (pid !== undefined && !(await isMaking(pid, join(folder, name)))) await rm(join(folder, name), { force: true });
  }
}

/** A part older than this process, under its own process id, is another's who had that id before. */
async function isMaking(pid: string, path: string): Promise<boolean> {
  try {
    if (pid === String(process.pid)) return (await stat(path)).mtimeMs >= performance.timeOrigin;
    await stat(`/proc/${pid}`);
    return true;
  } catch {
    return false;
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
