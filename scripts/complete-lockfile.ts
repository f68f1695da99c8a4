// `node scripts/complete-lockfile.ts`, after a change of the dependencies: names in package-lock.json the packages for other platforms that
// the package server had not. npm leaves such packages out of the lock file, and then `npm ci` refuses the file as incomplete.
// They are never installed here; without a digest npm takes what it gets, so this is for platforms that Caisson does not run on.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './project.ts';

interface LockedPackage {
  dev?: boolean;
  optionalDependencies?: Record<string, string>;
  [field: string]: unknown;
}

const path = join(projectRoot, 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8')) as { packages: Record<string, LockedPackage> };
const { packages } = lock;
const platform = /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|x64|ia32|ppc64|riscv64|s390x)(?:-.*(musl|gnu))?$/;
let added = 0;
for (const [at, { optionalDependencies = {}, dev, license, engines }] of Object.entries(packages)) {
  if (at === '') continue;
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const [, os, cpu, libc] = platform.exec(name) ?? [];
    const place = `node_modules/${name}`;
    if (place in packages || `${at}/${place}` in packages || os === undefined) continue;
    const entry = {
      version,
      cpu: [cpu],
      ...(dev ? { dev } : {}),
      ...(libc ? { libc: [libc === 'gnu' ? 'glibc' : libc] } : {}),
      license,
      optional: true,
      os: [os],
      engines,
    };
    packages[place] = entry;
    added++;
  }
}
const sorted = Object.entries(packages).toSorted(([a], [b]) => (a < b ? -1 : 1));
writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, null, 2)}\n`);
process.stdout.write(`${added} packages for other platforms added\n`);
