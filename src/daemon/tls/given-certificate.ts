// A certificate that somebody else makes and renews, in two files: read again when they change.
import { readFile, stat } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { describeIdentity } from './describe-identity.ts';
import { startRefreshing } from './refreshing.ts';
import { parseIdentity, type TlsIdentity } from './tls-identity.ts';
import type { TlsSource } from './tls-source.ts';

const lookEveryMs = 60_000;
/** A warning is worth it when nobody has renewed it by then. */
const soonMs = 14 * 86_400_000;

export interface GivenCertificateOptions {
  certificate: string;
  key: string;
  log: Log;
}

/** Throws `failed` when a file cannot be read, `invalid` when it holds something else. */
export async function openGivenCertificate({ certificate, key, log }: GivenCertificateOptions): Promise<TlsSource> {
  let seen = '';
  let last: TlsIdentity | undefined;
  const read = async () => {
    const stamp = `${await stampOf(certificate)} ${await stampOf(key)}`;
    if (last !== undefined && stamp === seen) return last;
    last = parseIdentity(await readGiven(certificate), await readGiven(key), { certificate, key });
    seen = stamp;
    const left = last.certificate.validToDate.getTime() - Date.now();
    if (left < soonMs) log.warn(`the certificate in ${certificate} ends soon, or has ended`, { until: last.certificate.validTo });
    return last;
  };
  const refreshing = startRefreshing({ identity: await read(), read, everyMs: lookEveryMs, log });
  return {
    get identity() {
      return refreshing.identity;
    },
    describe: () => describeIdentity(refreshing.identity, 'file'),
    onChange: (listener) => refreshing.onChange(listener),
    refresh: () => refreshing.refresh(),
    close: () => refreshing.close(),
  };
}

/** Changes when the file is written or replaced. */
async function stampOf(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs}-${size}-${ino}`;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readGiven(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): CaissonError {
  const isForbidden = ['EACCES', 'EPERM'].includes((cause as NodeJS.ErrnoException).code ?? '');
  const how = isForbidden ? ': the daemon’s user must be able to read it (chgrp caisson FILE; chmod 640 FILE)' : '';
  return new CaissonError('failed', `${path} cannot be read${how}`, { cause });
}
