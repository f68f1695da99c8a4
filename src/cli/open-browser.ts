// A browser with an address that holds a secret: it is not given as an argument, which everybody on the machine could read, but in a file of its own that
// leads there, and that is gone a moment later.
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../lib/clock.ts';
import { run } from '../lib/exec.ts';
import type { Io } from './io.ts';

/** A browser that was there and is only told needs this long to read it, after what told it has ended. */
const readWithinMs = 5000;
/** What does not end is the browser itself, which has read it by then. */
const startedWithinMs = 20_000;

/** Whose screen it is, where root asks. */
interface ScreenUser {
  name: string;
  uid: number;
  gid: number;
}

/** Why none was opened; undefined when one was. */
export async function openBrowser(url: string, env: Io['env']): Promise<string | undefined> {
  const own = env['BROWSER'];
  const hasScreen = Boolean(env['DISPLAY'] ?? env['WAYLAND_DISPLAY']);
  if (!own && !hasScreen) return 'there is no screen here';
  const user = process.getuid?.() === 0 && !own ? screenUserOf(env) : undefined;
  if (user === 'nobody known') return 'browsers are not run as root';
  const folder = mkdtempSync(join(tmpdir(), 'caisson-ui-'));
  const file = join(folder, 'page.html');
  try {
    writeFileSync(file, renderRedirect(url), { mode: 0o600 });
    chmodSync(folder, 0o700);
    if (user) for (const path of [file, folder]) chownSync(path, user.uid, user.gid);
    const commands = own ? commandsOf(own, file) : [[...(user ? ['runuser', '-u', user.name, '--'] : []), 'xdg-open', file]];
    const around = user ? await surroundingsOf(user, env) : env;
    let why = 'BROWSER names none';
    for (const [program = '', ...args] of commands) {
      const code = await start(program, args, around);
      if (code === undefined) return undefined;
      why = `${program} ended with ${code}`;
    }
    return why;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function screenUserOf({ SUDO_USER: name, SUDO_UID: uid, SUDO_GID: gid }: Io['env']): ScreenUser | 'nobody known' {
  return name && uid && gid ? { name, uid: Number(uid), gid: Number(gid) } : 'nobody known';
}

/** `BROWSER` as others read it: several commands with colons between them, each with `%s` for the file, or with the file behind it. */
function commandsOf(browser: string, file: string): string[][] {
  return browser.split(':').flatMap((command) => {
    const words = command.split(' ').filter(Boolean);
    if (words.length === 0) return [];
    return [words.includes('%s') ? words.map((word) => (word === '%s' ? file : word)) : [...words, file]];
  });
}

/** What a browser of that user needs and sudo took away: a home that is theirs, and the folder in which their session listens. */
async function surroundingsOf({ name, uid }: ScreenUser, env: Io['env']): Promise<Io['env']> {
  const home = await run(['getent', 'passwd', String(uid)], { okCodes: [0, 2] }).then(
    ({ stdout }) => stdout.split(':')[5],
    () => undefined,
  );
  const session = `/run/user/${uid}`;
  return {
    ...env,
    USER: name,
    LOGNAME: name,
    ...(home ? { HOME: home } : {}),
    ...(existsSync(session) ? { XDG_RUNTIME_DIR: session } : {}),
  };
}

/** Undefined once the file will have been read; else how it failed. */
async function start(program: string, args: readonly string[], env: Io['env']): Promise<number | string | undefined> {
  const child = spawn(program, args, { stdio: 'ignore', env, detached: true });
  child.unref();
  const { promise: ended, resolve: end } = Promise.withResolvers<number | string>();
  child.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  child.on('exit', (code, signal) => end(code ?? signal ?? 1));
  const waiting = new AbortController();
  const code = await Promise.race([ended, systemClock.sleep(startedWithinMs, waiting.signal).then(() => undefined)]);
  waiting.abort();
  if (code !== 0) return code;
  await systemClock.sleep(readWithinMs);
  return undefined;
}

function renderRedirect(url: string): string {
  const safe = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=${safe}"><title>Caisson</title><a href="${safe}">Caisson</a>\n`;
}
