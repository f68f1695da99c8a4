// The daemon of a real host: the root helper's channel, the stores of the data directory, and the drivers that touch the world.
import { hostname } from 'node:os';
import { join } from 'node:path';
import { openHelperChannel } from '../drivers/helper-client/helper-client.ts';
import { systemClock } from '../lib/clock.ts';
import { writeDurably } from '../lib/durable-file.ts';
import { CaissonError } from '../lib/errors.ts';
import { isLoopback } from '../lib/listen-address.ts';
import { systemRandom } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { readIfThere } from '../lib/read-if-there.ts';
import { version } from '../model/version.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { History } from '../store/history.ts';
import type { Journal } from '../store/journal.ts';
import { openSqliteAuditLog } from '../store/sqlite/sqlite-audit-log.ts';
import { openSqliteHistory } from '../store/sqlite/sqlite-history.ts';
import { openSqliteJournal } from '../store/sqlite/sqlite-journal.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { openApiToken } from './http/api-token.ts';
import { createDrivers } from './drivers.ts';
import { withFailpoints } from './part-failpoints.ts';
import { reserveMib } from './reserve.ts';
import { openTls } from './tls/open-tls.ts';
import type { TlsOptions } from './command-line.ts';

export interface HostDaemonOptions {
  tls: TlsOptions;
  log: Log;
  webRoot: string | undefined;
  /** The helper's channel is closed, while nobody has asked us to end. */
  onHelperGone: (why: string) => void;
}

export async function startHostDaemon({
  tls,
  log,
  webRoot,
  onHelperGone,
}: HostDaemonOptions): Promise<Pick<Daemon, 'urls' | 'setUpLinks' | 'close'>> {
  let ending = false;
  const helper = openHelperChannel({ onClosed: (why) => ending || onHelperGone(why) });
  const hello = await helper.call('hello', {});
  const facts = await helper.call('hostFacts', {});
  const { dataDirectory, runDirectory } = hello;
  const tcp = hello.listeners.filter(({ acme }) => !acme).map(({ fd, address }) => ({ fd, address }));
  if (tls.acme && tcp.every(({ address }) => isLoopback(address)))
    throw new CaissonError('invalid', 'a certificate by ACME is for an address that others can reach: --listen 0.0.0.0:443');
  const { auditLog, ...stores } = await openStores(dataDirectory);
  const closeParts = async () => {
    ending = true;
    await auditLog.close();
    await stores.history.close();
    await stores.journal.close();
    await stores.store.close();
    helper.close();
  };
  try {
    const daemon = await startDaemon({
      parts: withFailpoints({
        host: {
          uid: hello.hostId,
          name: hostname(),
          version,
          dataDirectory,
          ...(hello.netns === undefined ? {} : { netns: hello.netns }),
          userIds: hello.userIds,
          bootId: facts.bootId,
          cpus: facts.cpus,
          memoryMib: facts.memoryTotalMib,
          reserveMib: reserveMib(facts.memoryTotalMib),
        },
        ...stores,
        ...(await createDrivers({ helper, hello, clock: systemClock, log })),
        clock: systemClock,
        random: systemRandom,
        log,
      }),
      auditLog,
      socketPath: join(runDirectory, 'api.sock'),
      tcp,
      openTls: () =>
        openTls({
          tls,
          acmePlaces: hello.listeners.filter(({ acme }) => acme).map(({ fd }) => ({ fd })),
          dataDirectory,
          names: () => helper.call('hostFacts', {}),
          clock: systemClock,
          log,
        }),
      token: await openApiToken(join(dataDirectory, 'api-token')),
      webRoot,
    });
    return {
      urls: daemon.urls,
      setUpLinks: daemon.setUpLinks,
      async close() {
        ending = true;
        await daemon.close();
        await closeParts();
      },
    };
  } catch (error) {
    await closeParts();
    throw error;
  }
}

/** Says which stores this data directory has had: from then on one that is missing is an error, never a new one. */
const markName = 'daemon.json';
/** 2: with the audit log. */
const markVersion = 2;

interface Stores {
  store: Store;
  journal: Journal;
  history: History;
  auditLog: AuditLog;
}

async function openStores(dataDirectory: string): Promise<Stores> {
  const mark = join(dataDirectory, markName);
  const had = await readMark(mark);
  const opened: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    opened.push(part);
    return part;
  };
  try {
    const store = keep(await openSqliteStore({ path: join(dataDirectory, 'store.sqlite'), expectExisting: had >= 1 }));
    const journal = keep(await openSqliteJournal({ path: join(dataDirectory, 'journal.sqlite'), expectExisting: had >= 1 }));
    const auditLog = keep(await openSqliteAuditLog({ path: join(dataDirectory, 'audit-log.sqlite'), expectExisting: had >= 2 }));
    if (had < markVersion) await writeDurably(mark, `${JSON.stringify({ stores: markVersion })}\n`, 0o644);
    // Figures only: one that is not there begins anew.
    const history = await openSqliteHistory({ path: join(dataDirectory, 'history.sqlite') });
    return { store, journal, history, auditLog };
  } catch (error) {
    for (const part of opened.toReversed()) await part.close();
    throw error;
  }
}

/** 0: a new data directory. */
async function readMark(path: string): Promise<number> {
  const text = await readIfThere(path);
  if (text === undefined) return 0;
  // Whatever it says, the stores were there.
  const version = Number(/"stores":\s*(\d+)/.exec(text)?.[1] ?? 1);
  return Math.max(1, version);
}
