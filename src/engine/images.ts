// Images of the site on this host: which are there, and making those that are not.
import { CaissonError } from '../lib/errors.ts';
import { formatSize } from '../lib/units.ts';
import type { ImageSource } from '../drivers/images.ts';
import { builtInImages, canonicalRecipe, type Image } from '../model/image.ts';
import type { ImageView } from '../model/image-view.ts';
import type { Events } from './events.ts';
import type { StepContext } from './job-context.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

export class ImageService {
  readonly #parts: Pick<EngineParts, 'images'>;
  readonly #site: SiteStore;
  readonly #events: Events;

  constructor(options: { parts: Pick<EngineParts, 'images'>; site: SiteStore; events: Events }) {
    this.#parts = options.parts;
    this.#site = options.site;
    this.#events = options.events;
  }

  isKnown(name: string): boolean {
    return this.#site.images.has(name) || name in builtInImages;
  }

  /** The image of a name: the site's, else the built-in one. Throws `not-found`. */
  definition(name: string): Image {
    const image = this.#site.images.get(name) ?? builtInImages[name];
    if (!image) throw new CaissonError('not-found', `no image is called “${name}”; “caisson image list” shows all`);
    return image;
  }

  /**
   * The image on this host, made when it is missing. A guest whose disk is made already keeps the image of that time (`digest`),
   * whatever the name stands for now.
   */
  async ensure(name: string, digest: string | undefined, step: StepContext): Promise<{ digest: string; path: string }> {
    const { images } = this.#parts;
    if (digest !== undefined) {
      const found = await images.find(digest);
      if (found) return { digest, path: found.path };
      const now = await images.digest(sourceOf(this.definition(name)));
      if (now !== digest)
        throw new CaissonError(
          'missing',
          `the image that its root disk was made from (${digest.slice(0, 12)}) is gone from this host, and “${name}” is another one now`,
        );
    }
    const source = sourceOf(this.definition(name));
    const wanted = await images.digest(source);
    const found = await images.find(wanted);
    if (found) return { digest: wanted, path: found.path };
    const made = await images.make(source, (progress) => step.progress(progress.fraction, progress.step), step.signal);
    this.#events.emit({ kind: 'image-built', object: `image/${name}`, message: `image ${name} was made (${formatSize(made.sizeBytes)})` });
    return { digest: made.digest, path: made.path };
  }

  async isPresent(name: string): Promise<boolean> {
    const { images } = this.#parts;
    return (await images.find(await images.digest(sourceOf(this.definition(name))))) !== undefined;
  }

  async list(): Promise<ImageView[]> {
    const names = new Set([...this.#site.images.keys(), ...Object.keys(builtInImages)]);
    return Promise.all([...names].toSorted().map((name) => this.view(name)));
  }

  /**
   * Deletes it from this host, then from the site (unless built in): the file is never left without a name. Throws `not-allowed` while a guest
   * uses it.
   */
  async delete(name: string): Promise<void> {
    const image = this.definition(name);
    const users = this.#users(name);
    if (users.length > 0) throw new CaissonError('not-allowed', `image “${name}” is used by ${users.join(', ')}`);
    const digest = await this.#parts.images.digest(sourceOf(image));
    if (![...this.#site.guests.values()].some((guest) => guest.imageDigest === digest)) await this.#parts.images.remove(digest);
    if (this.#site.images.has(name)) await this.#site.commit([this.#site.erase(`image/${name}`)]);
    this.#events.emit({ kind: 'image-deleted', object: `image/${name}`, message: `image ${name} was deleted` });
  }

  /** Throws `not-found`. */
  async view(name: string): Promise<ImageView> {
    const image = this.definition(name);
    const source = sourceOf(image);
    const digest = await this.#parts.images.digest(source);
    const found = await this.#parts.images.find(digest);
    return {
      name,
      source: source.kind,
      builtIn: !this.#site.images.has(name),
      digest,
      present: found !== undefined,
      ...(found ? { sizeBytes: found.sizeBytes } : {}),
      guests: this.#users(name),
    };
  }

  #users(name: string): string[] {
    return [...this.#site.guests.values()].filter((guest) => guest.spec.image === name).map((guest) => guest.name);
  }
}

function sourceOf(image: Image): ImageSource {
  if ('recipe' in image) return { kind: 'recipe', recipe: canonicalRecipe(image) };
  return 'url' in image ? { kind: 'url', ...image } : { kind: 'file', path: image.file };
}
