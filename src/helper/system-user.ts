// The ordinary user that the daemon runs as.
import { CaissonError } from '../lib/errors.ts';
import { run } from '../lib/exec.ts';

export interface SystemUser {
  name: string;
  userId: number;
  groupId: number;
}

/** Throws `missing` with the command that makes it. */
export async function readSystemUser(name: string): Promise<SystemUser> {
  const { code, stdout } = await run(['getent', 'passwd', name], { okCodes: [0, 2] });
  const [, , userId, groupId] = stdout.trim().split(':').map(Number);
  if (code !== 0 || userId === undefined || groupId === undefined || !Number.isSafeInteger(userId) || !Number.isSafeInteger(groupId)) {
    throw new CaissonError(
      'missing',
      `there is no user ${name} for the daemon to run as; make it with: useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ${name}`,
    );
  }
  if (userId === 0) throw new CaissonError('invalid', `the daemon may not run as ${name}: that is root`);
  return { name, userId, groupId };
}
