// Runs mmdebstrap: downloads and installs Debian packages into a tree and hands that to the finish script.
//
// As an ordinary user it works in a user namespace (its subordinate ids in /etc/subuid and /etc/subgid, newuidmap of the package
// uidmap): no package script and no command of a recipe ever runs with the host's root. Root itself gets a mount namespace.
import { spawn } from 'node:child_process';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { CaissonError } from '../../lib/errors.ts';
import { run } from '../../lib/exec.ts';

export interface BootstrapOptions {
  suite: string;
  packages: readonly string[];
  /** Folder of the build, readable by everybody; `files.tar`, `run/`, `finish` are in it. */
  buildFolder: string;
  /** Packages downloaded before; shared by builds, may be absent. */
  packageCache?: string;
  /** For the finish script. */
  env: Record<string, string>;
  onStep: (step: string) => void;
  signal?: AbortSignal;
}

/** Installs and finishes; throws `failed` with the step it was at and the last lines of what was said. */
export async function runBootstrap(options: BootstrapOptions): Promise<void> {
  const { buildFolder, packageCache } = options;
  const argv = ['--format=null', '--variant=minbase', `--mode=${process.getuid?.() === 0 ? 'root' : 'unshare'}`];
  argv.push(`--include=${options.packages.join(',')}`);
  for (const line of documentation) argv.push(`--dpkgopt=${line}`);
  for (const line of await readAptSettings(options.signal)) argv.push(`--aptopt=${line}`);
  const newPackages = join(buildFolder, 'packages');
  argv.push('--skip=cleanup'); // the tree is thrown away
  if (packageCache) {
    await mkdir(packageCache, { recursive: true });
    await mkdir(newPackages, { recursive: true });
    // Paths of ours without spaces or quotes: these special hooks split at white space.
    argv.push('--skip=download/empty,essential/unlink', '--setup-hook=mkdir -p "$1/var/cache/apt/archives"');
    argv.push(`--setup-hook=sync-in ${packageCache} /var/cache/apt/archives`);
    argv.push(`--customize-hook=sync-out /var/cache/apt/archives ${newPackages}`);
  }
  argv.push(
    '--customize-hook=sh "$CAISSON_BUILD/finish" "$1"',
    options.suite,
    '/dev/null',
    ...(await readMirrors(options.suite, options.signal)),
  );
  await watchMmdebstrap(argv, options);
  if (packageCache) await keepPackages(newPackages, packageCache);
}

/** Manuals and translations stay out; the copyright files stay in. */
const documentation = [
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/locale/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
];

async function watchMmdebstrap(argv: string[], options: BootstrapOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // It ends, and cleans up, when the builder is killed.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', 'mmdebstrap', ...argv], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true, // a group of its own, so that a cancelled build takes apt and dpkg with it
    cwd: options.buildFolder,
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      HOME: options.buildFolder,
      TMPDIR: options.buildFolder,
      CAISSON_BUILD: options.buildFolder,
      ...options.env,
    },
  });
  let step = 'starting mmdebstrap';
  const said: string[] = [];
  const cancel = () => {
    if (child.pid) process.kill(-child.pid, 'SIGTERM');
  };
  options.signal?.addEventListener('abort', cancel, { once: true });
  createInterface({ input: child.stderr }).on('line', (line) => {
    const next = /^CAISSON-STEP (.*)$/.exec(line)?.[1] ?? /^I: ((?:downloading|extracting|installing) [^.]*)\.\.\.$/.exec(line)?.[1];
    if (next) options.onStep((step = next));
    if (!/^(I: |CAISSON-STEP )/.test(line) && line.trim() !== '') said.push(line);
    if (said.length > 40) said.shift();
  });
  child.on('error', (cause) => {
    reject(new CaissonError('missing', 'setpriv cannot be run: install the package util-linux', { cause }));
  });
  child.on('close', (code) => {
    options.signal?.removeEventListener('abort', cancel);
    if (options.signal?.aborted) return reject(new CaissonError('cancelled', 'the image build was cancelled'));
    if (code === 0) return resolve();
    if (code === 127) return reject(new CaissonError('missing', 'mmdebstrap cannot be run: install the package mmdebstrap'));
    reject(new CaissonError('failed', `${step} failed: ${findReason(said)}`, { details: { step, output: said.slice(-20).join('\n') } }));
  });
  return promise;
}

/** The line that says most: apt's or dpkg's error, else the last that is not mmdebstrap's own ending. */
function findReason(said: readonly string[]): string {
  const telling = said.filter(
    (line) =>
      !/^(W: hooklistener errored out|E: (setup failed|mmdebstrap failed|command failed|(apt-get|env|run_chroot)\b.* failed))/.test(line),
  );
  return telling.findLast((line) => /^(E:|dpkg: error|newuidmap:)/.test(line)) ?? telling.at(-1) ?? 'mmdebstrap said nothing';
}

/** The host's own way to packages (proxies, dates, retries) holds in the build too; none of it stays in the image. */
async function readAptSettings(signal?: AbortSignal): Promise<string[]> {
  const { stdout } = await run(['apt-config', 'dump', '--format', '%f "%v";%n'], signal ? { signal } : {});
  return stdout.split('\n').filter((line) => /^Acquire::(https?::|Check-|Retries)[\w:./-]* "[^"]+";$/.test(line));
}

/** Source lines of the Debian archives that the host itself uses, for the suite; none when it names none: mmdebstrap knows Debian's. */
async function readMirrors(suite: string, signal?: AbortSignal): Promise<string[]> {
  const format = '$(CREATED_BY) $(REPO_URI) $(ORIGIN) $(LABEL)';
  const { stdout } = await run(['apt-get', 'indextargets', '--format', format], { okCodes: [0, 100], ...(signal ? { signal } : {}) });
  const find = (label: string) =>
    stdout
      .split('\n')
      .map((line) => /^Packages (\S+) Debian (\S+)$/.exec(line))
      .find((match) => match?.[2] === label && /^https?:/.test(match[1] ?? ''))?.[1];
  const archive = find('Debian');
  const security = find('Debian-Security');
  if (!archive || !security) return [];
  return [`deb ${archive} ${suite} main`, `deb ${archive} ${suite}-updates main`, `deb ${security} ${suite}-security main`];
}

/** Moves what was downloaded into the shared folder, each package by one rename: a build beside never sees half of one. */
async function keepPackages(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    if (name.endsWith('.deb')) await rename(join(from, name), join(to, name));
  }
  await rm(from, { recursive: true, force: true });
}
