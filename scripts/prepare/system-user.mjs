// The system user `caisson`, whom the daemon and the image builder run as: no shell, no home, and a range of
// subordinate ids so that images are built without root.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { CannotGoOn, lastLines, say } from './say.mjs';

const user = 'caisson';
const rangeSize = 65_536;

/** Makes what is missing and says so; needs root for that. */
export function ensureSystemUser() {
  if (!names('/etc/group').has(user)) {
    make(`system group ${user}`, ['groupadd', '--system', user]);
  }
  if (!names('/etc/passwd').has(user)) {
    const looks = ['--no-create-home', '--home-dir', '/nonexistent', '--shell', '/usr/sbin/nologin'];
    make(`system user ${user} (daemon and image builder run as it)`, ['useradd', '--system', '--gid', user, ...looks, user]);
  }
  for (const [file, option] of [
    ['/etc/subuid', '--add-subuids'],
    ['/etc/subgid', '--add-subgids'],
  ]) {
    if (names(file).has(user)) continue;
    const first = freeRange(read(file));
    make(`range of subordinate ids for ${user} in ${file}`, ['usermod', option, `${first}-${first + rangeSize - 1}`, user]);
  }
}

/** The first id above every range given away already. */
function freeRange(text) {
  const ends = text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length === 3)
    .map(([, first, count]) => Number(first) + Number(count));
  return Math.max(100_000, ...ends);
}

function names(file) {
  return new Set(
    read(file)
      .split('\n')
      .map((line) => line.split(':')[0]),
  );
}

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // /etc/subuid is absent on a machine where nobody has a range
  }
}

function make(what, [program, ...args]) {
  if (process.getuid() !== 0) throw new CannotGoOn(`The ${what} is missing, and only root can make it. Start again as root.`);
  say(`Making the ${what} …`);
  const outcome = spawnSync(program, args, { encoding: 'utf8' });
  if (outcome.status !== 0) {
    throw new CannotGoOn(
      `The ${what} could not be made: \`${program} ${args.join(' ')}\` said:\n${lastLines(outcome.error?.message ?? outcome.stderr)}`,
    );
  }
}
