// One helper for one data directory. The lock is held by an open file, so the kernel lets go of it when we die, however that
// happens: it is never stale. Node cannot call flock itself; the program flock locks the open file that we hand down, and the
// lock stays with it when the program has ended.
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { CaissonError } from '../lib/errors.ts';

export interface DataLock {
  release(): void;
}

/** Throws `conflict` when somebody else holds the lock at `path`. */
export function lockDataDirectory(path: string): DataLock {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  const { status, error } = spawnSync('flock', ['--exclusive', '--nonblock', '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
  if (status === 0) return { release: () => closeSync(fd) };
  closeSync(fd);
  if (error) throw new CaissonError('missing', 'the program flock (package util-linux) cannot be run', { cause: error });
  throw new CaissonError(
    'conflict',
    `another daemon runs on this data directory (it holds ${path}); stop that one first, or give another --data`,
  );
}
