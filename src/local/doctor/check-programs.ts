// Programs: QEMU and its version, the packages of the one list, the user that the daemon runs as.
import systemPackages from '../../../scripts/system-packages.json' with { type: 'json' };
import { CaissonError } from '../../lib/errors.ts';
import { bad, type Check, type Finding, ok, warning } from './check.ts';
import type { DoctorHost } from './host.ts';

const oldestQemu = [7, 2] as const;

const qemuNames: Readonly<Record<string, string>> = { x64: 'qemu-system-x86_64', arm64: 'qemu-system-aarch64' };
const debianNames: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export const qemu: Check = {
  name: 'qemu',
  async run(host) {
    const name = qemuNames[host.architecture];
    if (name === undefined) {
      return bad(`architecture ${host.architecture}`, 'Caisson runs guests on x86-64 and arm64 machines.', 'use such a machine');
    }
    const said = await host.run([name, '--version']).catch((error: unknown) => {
      if (error instanceof CaissonError && error.code === 'missing') return undefined;
      throw error;
    });
    const mend = `apt-get install --no-install-recommends ${host.architecture === 'arm64' ? 'qemu-system-arm' : 'qemu-system-x86'}`;
    if (!said) return bad(`${name} is not installed`, 'QEMU runs the guests.', mend);
    const [, text, major, minor] = /version ((\d+)\.(\d+)\S*)/.exec(said.stdout) ?? [];
    if (text === undefined) return bad(`${name} does not tell its version`, 'QEMU runs the guests.', mend);
    const isOld = Number(major) < oldestQemu[0] || (Number(major) === oldestQemu[0] && Number(minor) < oldestQemu[1]);
    if (!isOld) return ok(`QEMU ${text}`);
    return bad(`QEMU ${text}`, `Guests need at least QEMU ${oldestQemu.join('.')}.`, 'use Debian 12 or newer');
  },
};

export const packages: Check = {
  name: 'programs',
  async run(host) {
    const wanted = systemPackages.filter(({ arch }) => arch === undefined || arch === debianNames[host.architecture]);
    const missing = await findMissing(
      host,
      wanted.map(({ name }) => name),
    );
    if (missing === undefined) {
      const names = wanted.filter((entry) => entry.for.includes('run')).map(({ name }) => name);
      return warning(
        'not a Debian system: not checked',
        'Caisson is tried on Debian 12 and 13.',
        `see to the equivalents of ${names.join(', ')}`,
      );
    }
    const missingFor = (purpose: string) => wanted.filter((entry) => missing.has(entry.name) && entry.for.includes(purpose));
    const describe = (entries: typeof wanted) => entries.map(({ name, why }) => `${name} (${why})`).join(', ');
    const install = (entries: typeof wanted) => `apt-get install --no-install-recommends ${entries.map(({ name }) => name).join(' ')}`;
    const toRun = missingFor('run');
    if (toRun.length > 0) return bad(`missing: ${describe(toRun)}`, 'Guests cannot run without them.', install(toRun));
    const toBuild = missingFor('images');
    if (toBuild.length > 0) return warning(`missing: ${describe(toBuild)}`, 'Images cannot be built without them.', install(toBuild));
    return ok('all that are needed to run guests and to build images');
  },
};

export const user: Check = {
  name: 'user',
  async run(host): Promise<Finding> {
    const has = (text: string | undefined) => text?.split('\n').some((line) => line.startsWith('caisson:')) ?? false;
    if (!has(await host.read('/etc/passwd')) || !has(await host.read('/etc/group'))) {
      return bad(
        'there is no user caisson',
        'The daemon runs as this user, not as root.',
        'useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin caisson',
      );
    }
    if (!has(await host.read('/etc/subuid')) || !has(await host.read('/etc/subgid'))) {
      return warning(
        'the user caisson has no subordinate ids',
        'Images cannot be built without root and without them.',
        'give it 65,536 that nobody has in /etc/subuid and /etc/subgid: usermod --add-subuids FIRST-LAST --add-subgids FIRST-LAST caisson',
      );
    }
    return ok('caisson, with subordinate ids');
  },
};

/** Undefined where there is no dpkg. */
async function findMissing(host: DoctorHost, names: string[]): Promise<Set<string> | undefined> {
  try {
    const { stdout } = await host.run(['dpkg-query', '-W', '-f', '${Package} ${db:Status-Status}\n', ...names], { okCodes: [0, 1] });
    const installed = new Set(stdout.split('\n').flatMap((line) => (line.endsWith(' installed') ? line.split(' ').slice(0, 1) : [])));
    return new Set(names.filter((name) => !installed.has(name)));
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'missing') return undefined;
    throw error;
  }
}
