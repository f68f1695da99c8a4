// Images for simulated sites: made at once, out of nothing.
import { createHash } from 'node:crypto';
import { CaissonError } from '../../lib/errors.ts';
import type { BuiltImage } from '../../model/image-recipe.ts';
import type { Images } from '../images.ts';

export interface FakeImages extends Images {
  /** The next `make` fails with this. */
  failNext(message: string): void;
  made: number;
}

export function createFakeImages(): FakeImages {
  const present = new Map<string, BuiltImage>();
  let failure: string | undefined;
  const images: FakeImages = {
    made: 0,
    failNext(message) {
      failure = message;
    },
    digest: async (source) => createHash('sha256').update(JSON.stringify(source)).digest('hex'),
    find: async (digest) => present.get(digest),
    async make(source, onProgress, signal) {
      signal?.throwIfAborted();
      const digest = await images.digest(source);
      if (failure !== undefined) {
        const message = failure;
        failure = undefined;
        throw new CaissonError('failed', message);
      }
      onProgress({ step: 'made of nothing', fraction: 1 });
      const image = present.get(digest) ?? {
        path: `/fake/images/${digest}.qcow2`,
        packages: [],
        manifestSha256: digest,
        sizeBytes: 300 * 1024 * 1024,
      };
      if (!present.has(digest)) images.made++;
      present.set(digest, image);
      return { ...image, digest };
    },
    list: async () => [...present].map(([digest, { path, sizeBytes }]) => ({ digest, path, sizeBytes })),
    async remove(digest) {
      present.delete(digest);
    },
  };
  return images;
}
