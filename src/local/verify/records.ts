// What the site's store and the journal say, read from copies: the daemon holds the files themselves, and nothing of them is to be changed.
import { copyFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { Event } from '../../model/event.ts';
import { type GuestRecord, guestRecordSchema } from '../../model/guest-status.ts';
import { readOldGuest } from '../../model/old-guests.ts';
import type { Zone } from '../../model/zone.ts';
import type { JobRecord } from '../../store/journal.ts';
import { openSqliteJournal } from '../../store/sqlite/sqlite-journal.ts';
import { openSqliteStore } from '../../store/sqlite/sqlite-store.ts';

export interface Records {
  guests: readonly GuestRecord[];
  /** Newest first. */
  jobs: readonly JobRecord[];
  /** Oldest first. */
  events: readonly Event[];
}

const tries = 20;
const everyMs = 100;

/** Throws what opening the store or the journal throws: `missing`, `failed` (damaged), `too-new`. */
export async function readRecords(dataDirectory: string): Promise<Records> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-verify-'));
  try {
    const paths = { store: await copyWhole(dataDirectory, 'store', folder), journal: await copyWhole(dataDirectory, 'journal', folder) };
    const store = await openSqliteStore({ path: paths.store, expectExisting: true });
    const guests = await store.list('guest/').finally(() => store.close());
    const journal = await openSqliteJournal({ path: paths.journal, expectExisting: true });
    try {
      return {
        guests: guests.rows.map((row) => guestRecordSchema.parse(readOldGuest(row.value))),
        jobs: await journal.listJobs({ limit: Number.MAX_SAFE_INTEGER }),
        events: await journal.listEvents({ after: 0, limit: Number.MAX_SAFE_INTEGER }),
      };
    } finally {
      await journal.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The zones of the site. Throws as `readRecords` does. */
export async function readZones(dataDirectory: string): Promise<Record<string, Zone>> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-zones-'));
  try {
    const store = await openSqliteStore({ path: await copyWhole(dataDirectory, 'store', folder), expectExisting: true });
    const { rows } = await store.list('zone/').finally(() => store.close());
    return Object.fromEntries(rows.map(({ key, value }) => [key.slice('zone/'.length), (value as { zone: Zone }).zone]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies a database with its log; again, when somebody wrote to it meanwhile. */
async function copyWhole(dataDirectory: string, name: string, folder: string): Promise<string> {
  const parts = [`${name}.sqlite`, `${name}.sqlite-wal`];
  const look = async () => JSON.stringify(await Promise.all(parts.map((part) => stampOf(join(dataDirectory, part)))));
  if ((await stampOf(join(dataDirectory, `${name}.sqlite`))) === undefined)
    throw new CaissonError('missing', `${join(dataDirectory, name)}.sqlite is gone; restore it from a backup`);
  for (let round = 0; round < tries; round++) {
    const before = await look();
    for (const part of parts) {
      await rm(join(folder, part), { force: true });
      await copyFile(join(dataDirectory, part), join(folder, part)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    }
    if (before === (await look())) return join(folder, `${name}.sqlite`);
    await systemClock.sleep(everyMs);
  }
  throw new CaissonError('unavailable', `${join(dataDirectory, name)}.sqlite is written to all the time; ask again later`);
}

async function stampOf(path: string): Promise<string | undefined> {
  const about = await stat(path, { bigint: true }).catch(() => undefined);
  return about && `${about.ino} ${about.size} ${about.mtimeNs}`;
}
