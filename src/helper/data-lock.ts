// One helper, and one daemon, for one data directory. The lock is held by an open file, so the kernel lets go of it when its holders die,
// however that happens: it is never stale. Node cannot call flock itself; the program flock locks the open file that we hand down,
// and the lock stays with it when the program has ended. The daemon gets the same open file, so that the next helper does not start
// a daemon while one that has lost its helper is still ending.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';

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
  const argv = ['--exclusive', '--timeout', String(waitSeconds), '3'];
  const { status, error } = spawnSync('flock', argv, { stdio: ['ignore', 'ignore', 'ignore', fd] });
  if (status === 0) return { fd, release: () => closeSync(fd) };
  closeSync(fd);
  if (error) throw new CaissonError('missing', 'the program flock (package util-linux) cannot be run', { cause: error });
  throw new CaissonError(
    'conflict',
    `another daemon runs on this data directory (it holds ${path}); stop that one first, or give another --data`,
  );
}
