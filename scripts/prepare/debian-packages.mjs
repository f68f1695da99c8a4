// Installs the Debian packages of the one list, scripts/system-packages.json, that a task needs and that are not there.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { CannotGoOn, counted, lastLines, say } from './say.mjs';

const debianArch = { x64: 'amd64', arm64: 'arm64' };

/**
 * What is missing for these purposes; one call of dpkg-query.
 * @param {string[]} purposes of run, images, demo, test, bench
 * @returns {{ name: string, why: string, optional?: true }[]} `optional`: not every release of Debian has it
 */
export function findMissingPackages(purposes) {
  const list = JSON.parse(readFileSync(new URL('../system-packages.json', import.meta.url), 'utf8'));
  const wanted = list.filter(
    (entry) => entry.for.some((purpose) => purposes.includes(purpose)) && (!entry.arch || entry.arch === debianArch[process.arch]),
  );
  if (wanted.length === 0) return [];
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted.map((entry) => entry.name)], {
    encoding: 'utf8',
  });
  if (query.error) {
    const names = wanted.map((entry) => entry.name).join(' ');
    throw new CannotGoOn(
      `This machine has no dpkg-query: it is not Debian. Caisson's launcher knows Debian 12 and 13 only.\n` +
        `Install the equivalents of these packages yourself, then set CAISSON_SKIP_PACKAGES=1 and start again:\n  ${names}`,
    );
  }
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return wanted.filter((entry) => !installed.has(entry.name));
}

/** Says what is missing and why, and installs it; needs root and a network, unless one can do without. */
export function installPackages(missing) {
  const isNeeded = missing.some((entry) => !entry.optional);
  if (!isNeeded && process.getuid() !== 0) return doWithout(missing);
  const width = Math.max(...missing.map((entry) => entry.name.length));
  say(`Missing ${counted(missing.length, 'Debian package')}:`);
  for (const entry of missing) say(`  ${entry.name.padEnd(width)}  ${entry.why}`);
  const byHand = `apt-get install --no-install-recommends ${missing.map((entry) => entry.name).join(' ')}`;
  if (process.getuid() !== 0) throw new CannotGoOn(`Only root can install them. Start again as root, or run as root:\n  ${byHand}`);

  let said = hasFreshLists() ? '' : refresh();
  const absent = missing.filter((entry) => entry.optional && !isOffered(entry.name));
  doWithout(absent);
  const names = missing.filter((entry) => !absent.includes(entry)).map((entry) => entry.name);
  if (names.length === 0) return;
  say('Installing them …');
  let outcome = install(names);
  if (outcome.status !== 0 && said === '') {
    said = refresh();
    outcome = install(names);
  }
  if (outcome.status !== 0 && !isNeeded) return doWithout(missing);
  if (outcome.status !== 0) {
    // Without a network it is `update` that says so, and succeeds; the installation then only misses packages.
    const unreachable = isAboutNetwork(said + outcome.output) ? ': no package server can be reached. Check the network and the proxy' : '';
    throw new CannotGoOn(
      `apt-get could not install them${unreachable}. It said:\n${lastLines(unreachable ? said + outcome.output : outcome.output)}\n` +
        `Mend that and start again, or try by hand:\n  ${byHand}`,
    );
  }
}

function doWithout(entries) {
  for (const { name, why } of entries) say(`Without ${name}, which ${why}: it is not to be had here. What needs it is skipped.`);
}

/** Whether this release has it. */
function isOffered(name) {
  const outcome = spawnSync('apt-cache', ['policy', name], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  return /^ {2}Candidate: (?!\(none\))/m.test(outcome.stdout ?? '');
}

function install(names) {
  return apt(['install', '--yes', '--no-install-recommends', ...names]);
}

/** What apt-get said; whether it went well shows when installing. */
function refresh() {
  say('Reading the lists of Debian packages …');
  return apt(['update']).output;
}

function apt(args) {
  const outcome = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  const said = `${outcome.stdout ?? ''}\n${outcome.stderr ?? ''}`;
  return { status: outcome.status, output: outcome.error ? `${said}\n${outcome.error.message}` : said };
}

/** Lists younger than a day: older ones name package versions that the servers have dropped. */
function hasFreshLists() {
  const folder = '/var/lib/apt/lists';
  try {
    const lists = readdirSync(folder).filter((name) => /_Packages(\.lz4|\.gz|\.xz)?$/.test(name));
    return lists.length > 0 && Date.now() - statSync(folder).mtimeMs < 24 * 3600 * 1000;
  } catch {
    return false;
  }
}

function isAboutNetwork(output) {
  return /Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Connection timed out|Network is unreachable|Failed to fetch/.test(
    output,
  );
}
