// The contract of where images come from: built from a recipe, fetched, or given as a file. What is made is kept in a cache
// under the digest of what it was made from, and never made twice.
import type { BuiltImage, ImageRecipe } from '../model/image-recipe.ts';

export type ImageSource =
  | { kind: 'recipe'; recipe: ImageRecipe }
  | { kind: 'url'; url: string; sha256: string }
  | { kind: 'file'; path: string };

export interface ImageProgress {
  /** What is being done, in words. */
  step: string;
  /** 0 … 1, when it can be known. */
  fraction?: number;
}

export interface Images {
  /** Digest that names the result: of the canonical recipe and the builder's version, or of the content. */
  digest(source: ImageSource): Promise<string>;
  /** The image in the data directory, when it is there complete. */
  find(digest: string): Promise<BuiltImage | undefined>;
  /** Makes it, or takes it from the cache. Two at once for one digest make it once. Leaves nothing when it fails. */
  make(source: ImageSource, onProgress: (progress: ImageProgress) => void, signal?: AbortSignal): Promise<BuiltImage & { digest: string }>;
  list(): Promise<{ digest: string; path: string; sizeBytes: number }[]>;
  remove(digest: string): Promise<void>;
}
