// One helper, and one daemon, for one data directory: the lock is held by an open file. The daemon gets the same open file, so that the next
// helper does not start a daemon while one that has lost its helper is still ending.
import { closeSync, constants, openSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';
import { lockOpenFile } from '../lib/file-lock.ts';

/** A daemon that has lost its helper ends within this. */
const waitSeconds = 5;

export interface DataLock {
  /** Whoever has it open holds the lock. */
  fd: number;
  release(): void;
}

/** Throws `conflict` when somebody else holds the lock at `path` and goes on doing so. */
export function lockDataDirectory(path: string): DataLock {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  let isLocked = false;
  try {
    isLocked = lockOpenFile(fd, { waitSeconds });
  } finally {
    if (!isLocked) closeSync(fd);
  }
  if (isLocked) return { fd, release: () => closeSync(fd) };
  throw new CaissonError(
    'conflict',
    `another daemon runs on this data directory (it holds ${path}); stop that one first, or give another --data`,
  );
}
