// How an image is made: the value that the image builder gets, complete in itself, so that its digest names the result.

export interface ImageRecipe {
  recipe: 'debian';
  suite: 'bookworm' | 'trixie';
  /** Beyond the base system, kernel, guest agent and network that every image has; sorted, unique. */
  packages: string[];
  /** Files put in after the packages are installed, by absolute path. */
  files: Record<string, { text?: string; base64?: string; mode: string }>;
  /** Shell commands run in the image's root at the end of the build, in order. */
  run: string[];
  /** Virtual size; guests' root disks are at least this big and grow their file system at first boot. */
  sizeMib: number;
}

export interface BuiltImage {
  path: string;
  /** Sorted `name=version` of every package in it. */
  packages: string[];
  /** SHA-256 over the sorted list of files (path, mode, owner, size, content digest); times are not part of it. */
  manifestSha256: string;
  sizeBytes: number;
}
