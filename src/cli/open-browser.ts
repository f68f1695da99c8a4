// A browser with an address that holds a secret: it is not given as an argument, which everybody on the machine could read, but in a file of its own that
// leads there, and that is gone a moment later.
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../lib/clock.ts';
import type { Io } from './io.ts';

/** A browser that is started by it needs this long to read it. */
const readWithinMs = 5000;

/** Why none was opened; undefined when one was. */
export async function openBrowser(url: string, env: Io['env']): Promise<string | undefined> {
  const own = env['BROWSER'];
  const hasScreen = Boolean(env['DISPLAY'] ?? env['WAYLAND_DISPLAY']);
  if (!own && !hasScreen) return 'there is no screen here';
  const isRoot = process.getuid?.() === 0;
  const { SUDO_USER: user, SUDO_UID: uid, SUDO_GID: gid } = env;
  if (isRoot && !own && (!user || !uid || !gid)) return 'browsers are not run as root';
  const folder = mkdtempSync(join(tmpdir(), 'caisson-ui-'));
  const file = join(folder, 'page.html');
  try {
    writeFileSync(file, renderRedirect(url), { mode: 0o600 });
    chmodSync(folder, 0o700);
    const [program = '', ...args] = own ? [own, file] : isRoot ? ['runuser', '-u', user ?? '', '--', 'xdg-open', file] : ['xdg-open', file];
    if (isRoot && !own) for (const path of [file, folder]) chownSync(path, Number(uid), Number(gid));
    const code = await run(program, args, env);
    if (code !== 0) return `${program} ended with ${code}`;
    await systemClock.sleep(own ? 0 : readWithinMs);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], env: Io['env']): Promise<number | string> {
  const child = spawn(program, args, { stdio: 'ignore', env });
  const { promise, resolve } = Promise.withResolvers<number | string>();
  child.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  child.on('close', (code, signal) => resolve(code ?? signal ?? 1));
  return promise;
}

function renderRedirect(url: string): string {
  const safe = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=${safe}"><title>Caisson</title><a href="${safe}">Caisson</a>\n`;
}
