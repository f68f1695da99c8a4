#!/usr/bin/env node
// Starts a task of the project (`npm start`, `npm test`, …) on a machine that may have nothing but Debian, npm and some
// Node.js: installs what is missing, saying what and why, then goes on under the pinned Node.js as scripts/TASK.ts.
// Plain JavaScript that also old versions of Node.js can read, so that they can say that they are too old.
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureSystemUser } from '../scripts/prepare/system-user.mjs';
import { findMissingPackages, installPackages } from '../scripts/prepare/debian-packages.mjs';
import { installNpmPackages, pinnedRuntime, whyInstall } from '../scripts/prepare/npm-packages.mjs';
import { CannotGoOn, say } from '../scripts/prepare/say.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Purposes of Debian packages that a task needs; whether it runs guests. */
const tasks = {
  start: { packages: ['run', 'images', 'demo'], guests: true, root: 'makes users, namespaces and network interfaces' },
  test: { packages: ['run', 'images', 'test'], guests: true },
  bench: { packages: ['run', 'images', 'test', 'bench'], guests: true, root: 'starts guests' },
  check: { packages: [], guests: false },
  build: { packages: [], guests: false },
  generate: { packages: [], guests: false },
};

function prepare(name) {
  const task = tasks[name];
  if (!task) throw new CannotGoOn(`There is no task "${name}". Tasks: ${Object.keys(tasks).join(', ')}.`);
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new CannotGoOn(
      `Node.js 20 or newer is needed to begin with (this is ${process.versions.node}); Caisson then brings the one it runs on itself. ` +
        'Debian 13 has one (apt-get install nodejs npm); for Debian 12 take it from the makers of Node.js.',
    );
  }
  if (task.root && process.getuid() !== 0) throw new CannotGoOn(`\`npm run ${name}\` ${task.root}: start it as root.`);
  if (process.env.CAISSON_SKIP_PACKAGES !== '1') {
    const missing = findMissingPackages(task.packages);
    if (missing.length > 0) installPackages(missing);
  }
  const why = whyInstall(root);
  if (why) installNpmPackages(root, why);
  if (task.guests) ensureSystemUser();
}

function goOn(name, args) {
  const child = spawn(pinnedRuntime(root), [join(root, 'scripts', `${name}.ts`), ...args], { cwd: root, stdio: 'inherit' });
  // Ctrl-C reaches the child by the terminal, and npm sends it once more; the child decides when all is over.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => end(`The pinned Node.js cannot be run: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    say(`scripts/${name}.ts was ended by ${signal}.`);
    process.exit(1);
  });
}

function end(message) {
  say(message);
  process.exit(1);
}

const [name = '', ...args] = process.argv.slice(2);
try {
  prepare(name);
  goOn(name, args);
} catch (error) {
  if (error instanceof CannotGoOn) end(error.message);
  else throw error;
}
