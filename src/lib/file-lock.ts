// A lock that an open file holds: the kernel lets go of it when whoever has the file open dies, however that happens, so it is never stale. Node cannot
// call flock itself; the program flock locks the open file that we hand down, and the lock stays with it when the program has ended.
import { spawnSync } from 'node:child_process';
import { CaissonError } from './errors.ts';

/** What flock ends with when somebody else holds the lock. */
const held = 1;

/** False when somebody else holds the lock of that open file and goes on doing so for so long. Throws `missing`, `failed`. */
export function lockOpenFile(fd: number, { waitSeconds }: { waitSeconds: number }): boolean {
  const argv = ['--exclusive', '--timeout', String(waitSeconds), '3'];
  const { status, error, stderr } = spawnSync('flock', argv, { stdio: ['ignore', 'ignore', 'pipe', fd], encoding: 'utf8' });
  if (error) throw new CaissonError('missing', 'the program flock (package util-linux) cannot be run', { cause: error });
  if (status === 0 || status === held) return status === 0;
  throw new CaissonError('failed', `an open file cannot be locked: ${stderr.trim() || `flock ended with ${status}`}`);
}
