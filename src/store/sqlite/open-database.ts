// Opens a database file of ours, with these promises: a file is made only where none is expected; one that is damaged,
// foreign or of a newer version is refused and left untouched; only one process has it open; commits reach the disk
// (WAL, synchronous FULL). See docs/formats/store.md.
import { open, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { syncFolder } from '../../lib/durable-file.ts';
import { CaissonError } from '../../lib/errors.ts';
import { sqliteError } from './sqlite-error.ts';

export interface OpenOptions {
  path: string;
  /** For people, e.g. `store`. */
  what: string;
  /** Written into the file's header: tells our files from others and from each other. */
  applicationId: number;
  /** SQL that leads from version i to i + 1. Never edited once released, only appended to. */
  migrations: readonly string[];
  /** True: this host has had the file, so that its absence is a loss, not a beginning. */
  expectExisting: boolean;
}

/** Throws `missing`, `too-new`, `conflict` (open elsewhere), `failed` (damaged, foreign, disk full, not permitted). */
export async function openDatabase(options: OpenOptions): Promise<DatabaseSync> {
  const { path, what } = options;
  const made = await makeIfAllowed(options);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    // EXCLUSIVE: held until closed, released by the kernel if we die; spares the shared-memory file as well.
    database.exec('PRAGMA locking_mode=EXCLUSIVE');
    const version = checkIdentity(database, options);
    database.exec('PRAGMA journal_mode=WAL');
    // 1 MiB of cache, at most 4 MiB of log kept: the daemon is small.
    database.exec('PRAGMA synchronous=FULL; PRAGMA cache_size=-1024; PRAGMA journal_size_limit=4194304; PRAGMA temp_store=MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    for (const migration of options.migrations.slice(version)) database.exec(migration);
    if (version < options.migrations.length) {
      database.exec(`PRAGMA application_id=${options.applicationId}; PRAGMA user_version=${options.migrations.length}`);
    }
    database.exec('COMMIT');
    if (made) await syncFolder(dirname(path));
    return database;
  } catch (error) {
    closeQuietly(database);
    if (made) await Promise.all(['', '-wal', '-shm'].map((suffix) => rm(`${path}${suffix}`, { force: true })));
    throw sqliteError(error, what, path);
  }
}

async function makeIfAllowed({ path, what, expectExisting }: OpenOptions): Promise<boolean> {
  if (await exists(path)) return false;
  if (expectExisting || (await exists(`${path}-wal`))) {
    throw new CaissonError(
      'missing',
      `the ${what} ${path} is gone although this host has had one; no empty one is made in its place: restore it from a backup`,
      { details: { path } },
    );
  }
  try {
    const file = await open(path, 'wx', 0o600);
    await file.close();
    return true;
  } catch (cause) {
    throw new CaissonError('failed', `the ${what} ${path} cannot be made`, { cause, details: { path } });
  }
}

/** Returns the schema's version; 0 for an empty file. */
function checkIdentity(database: DatabaseSync, { path, what, applicationId, migrations, expectExisting }: OpenOptions): number {
  const number = (pragma: string) => Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] as number;
  const id = number('application_id');
  const version = number('user_version');
  const tables = database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.['n'];
  if (id === 0 && version === 0 && tables === 0) {
    if (!expectExisting) return 0; // new, or the making of it was interrupted
    throw new CaissonError('failed', `the ${what} ${path} is empty although this host has had one: restore it from a backup`, {
      details: { path },
    });
  }
  if (id !== applicationId) {
    throw new CaissonError('failed', `${path} is a database, but not a ${what} of Caisson; it was left as it is`, { details: { path } });
  }
  if (version > migrations.length) {
    throw new CaissonError(
      'too-new',
      `the ${what} ${path} has version ${version}, and this Caisson knows only up to ${migrations.length}: run the newer Caisson`,
      { details: { path, version, known: migrations.length } },
    );
  }
  const damage = Object.values(database.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
  if (damage !== 'ok') {
    throw new CaissonError('failed', `the ${what} ${path} is damaged; it was left as it is: restore it from a backup`, {
      details: { path, damage },
    });
  }
  return version;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new CaissonError('failed', `${path} cannot be looked at`, { cause: error });
  }
}

function closeQuietly(database: DatabaseSync | undefined): void {
  try {
    database?.close();
  } catch {
    // The error that brought us here is the one to tell.
  }
}
