// `caisson log archive`: the oldest entries go into a file and then out of the log. In this order, so that no moment loses one: the file is written and is on the
// disk, is read back and verified, and only then the daemon, which compares its digest, removes what is in it.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Client } from '../api/client.ts';
import { syncFolder } from '../lib/durable-file.ts';
import { CaissonError, describeError, toCaissonError } from '../lib/errors.ts';
import { checkChain } from '../model/log-chain.ts';
import type { LogHead } from '../model/log-entry.ts';
import { readLogFile, readLogPages } from './read-log.ts';
import { Advised } from './failure.ts';

export interface LogArchive {
  file: string;
  entries: number;
  /** What its entries go on from, and the last of them. */
  begin: LogHead;
  head: LogHead;
}

/** Of what came before this moment (milliseconds); undefined: there is nothing so old, and no file was made. */
export async function archiveLog(client: Client, file: string, beforeMs: number): Promise<LogArchive | undefined> {
  const handle = await create(file);
  let made: LogArchive | undefined;
  try {
    const written = await write(client, handle, file, beforeMs);
    if (written) made = await remove(client, file, written);
  } catch (error) {
    if (!isUnknown(error)) await rm(file, { force: true });
    throw error;
  }
  if (!made) await rm(file, { force: true });
  return made;
}

async function create(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'wx', 0o600);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new CaissonError('conflict', `${file} is there already: an archive is not written over; choose another name`, { cause });
    throw new CaissonError('failed', `${file} cannot be written`, { cause });
  }
}

/** On the disk when it returns. */
async function write(client: Client, handle: FileHandle, file: string, beforeMs: number): Promise<LogHead | undefined> {
  let head: LogHead | undefined;
  try {
    reading: for await (const { items } of readLogPages(client, 0)) {
      const end = items.findIndex(({ time }) => !(Date.parse(time) < beforeMs));
      const old = end === -1 ? items : items.slice(0, end);
      await handle.writeFile(old.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
      const last = old.at(-1);
      if (last) head = { number: last.number, hash: last.hash };
      if (end !== -1) break reading;
    }
    await handle.sync();
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('failed', `${file} cannot be written: nothing was removed from the audit log`, { cause });
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(resolve(file)));
  return head;
}

async function remove(client: Client, file: string, written: LogHead): Promise<LogArchive> {
  const check = checkChain({ after: 'any' });
  await readLogFile(file, check);
  const { entries, begin, head, problems } = check.finish(written.number);
  if (problems.length > 0)
    throw new Advised(
      `the audit log is not as it was written, and is not archived: ${problems[0]}`,
      new CaissonError('failed', 'the audit log is not as it was written'),
      ['see all of it: caisson log verify'],
    );
  await client.call('logArchive', { body: { through: head, sha256: await digestOfFile(file) } }).catch((cause: unknown) => {
    if (saysNothingChanged(cause))
      throw new Advised(`nothing was removed from the audit log, and ${file} is not kept: ${describeError(cause)}`, cause, [
        'where the disk of the host is full: remove something else there by hand, then archive again',
      ]);
    if (!isUnknown(cause)) throw cause;
    throw new Advised(`whether it was removed from the audit log is not known; ${file} stays`, cause, [
      `“caisson log verify” says after which entry the log begins; as long as that is before ${head.number}, archive to another file`,
    ]);
  });
  return { file, entries, begin, head };
}

/** It may have been done, unless the daemon says that it was not. */
function isUnknown(error: unknown): boolean {
  const cause = error instanceof Advised ? error.cause : error;
  const { code } = toCaissonError(cause);
  return (code === 'unavailable' || code === 'timeout') && !saysNothingChanged(cause);
}

function saysNothingChanged(error: unknown): boolean {
  return toCaissonError(error).details?.['nothingChanged'] === true;
}

async function digestOfFile(file: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) digest.update(chunk);
  return digest.digest('hex');
}
