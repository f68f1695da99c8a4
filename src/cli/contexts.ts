// Sites that somebody has signed in to: a file of theirs that nobody else may read. Which one is meant is said by `--context` or CAISSON_CONTEXT,
// else it is the current one; `local` is always there: the daemon of this machine, by its socket. Whoever changes the file reads it anew under a lock, so that
// of two who sign in at the same time both are in it.
import { closeSync, constants, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CaissonError } from '../lib/errors.ts';
import { writeDurably } from '../lib/durable-file.ts';
import { lockOpenFile } from '../lib/file-lock.ts';
import type { Io } from './io.ts';

export const localContext = 'local';

export interface Context {
  url: string;
  user: string;
  /** Of the session. Absent after a logout. */
  token?: string;
  endsAt?: string;
  /** PEM: the authority of the daemon's certificate. */
  authority?: string;
}

export interface Contexts {
  current: string;
  contexts: Record<string, Context>;
}

/** A change takes milliseconds. */
const waitSeconds = 30;

const none: Contexts = { current: localContext, contexts: {} };

/** Undefined where there is no home. */
function pathOf(env: Io['env']): string | undefined {
  const folder = env['XDG_CONFIG_HOME'] || (env['HOME'] && join(env['HOME'], '.config'));
  return folder ? join(folder, 'caisson', 'contexts.json') : undefined;
}

/** Throws `invalid` for a file that others can read, or that holds something else. */
export function readContexts(env: Io['env']): Contexts {
  const path = pathOf(env);
  if (path === undefined) return none;
  let text: string;
  try {
    if ((statSync(path).mode & 0o077) !== 0)
      throw new CaissonError('invalid', `${path} holds secrets and others may read it: chmod 600 ${path}`);
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT' || (cause as NodeJS.ErrnoException).code === 'ENOTDIR') return none;
    throw cause instanceof CaissonError ? cause : new CaissonError('failed', `${path} cannot be read`, { cause });
  }
  const contexts = parseContexts(text);
  if (!contexts) throw new CaissonError('invalid', `${path} is not what “caisson login” writes: remove it and sign in again`);
  return contexts;
}

/** Makes of what is there now what `change` makes of it. Throws as `readContexts`, `conflict` when somebody else does not let it be changed, and what `change` throws. */
export async function changeContexts(env: Io['env'], change: (contexts: Contexts) => Contexts): Promise<void> {
  // What cannot be is told before anything is made.
  change(readContexts(env));
  const path = pathOf(env);
  if (path === undefined) throw new CaissonError('missing', 'there is no place for contexts: neither HOME nor XDG_CONFIG_HOME is set');
  const lock = `${path}.lock`;
  const fd = openLock(lock);
  try {
    if (!lockOpenFile(fd, { waitSeconds }))
      throw new CaissonError(
        'conflict',
        `another caisson has been changing ${path} for ${waitSeconds} s (it holds ${lock}): end it, then try again`,
      );
    await writeDurably(path, `${JSON.stringify(change(readContexts(env)), null, 2)}\n`, 0o600);
  } finally {
    closeSync(fd);
  }
}

function openLock(path: string): number {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    return openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw new CaissonError('failed', `${path} cannot be opened, which is held while contexts are changed`, { cause });
  }
}

/** Throws `not-found`. */
export function contextOf({ contexts }: Contexts, name: string): Context {
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (!context) throw new CaissonError('not-found', `there is no context “${name}”; “caisson context list” shows all`);
  return context;
}

export function isContextName(name: string): boolean {
  return /^[a-z0-9](?:[a-z0-9._-]{0,62})$/i.test(name) && name !== localContext;
}

function parseContexts(text: string): Contexts | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { current, contexts } = (value ?? {}) as Partial<Contexts>;
  if (typeof current !== 'string' || typeof contexts !== 'object' || contexts === null) return undefined;
  const isText = (field: unknown) => field === undefined || typeof field === 'string';
  const areRight = Object.entries(contexts).every(
    ([name, context]) =>
      isContextName(name) &&
      typeof context === 'object' &&
      typeof context?.url === 'string' &&
      typeof context.user === 'string' &&
      [context.token, context.endsAt, context.authority].every(isText),
  );
  return areRight ? { current, contexts } : undefined;
}
