// The daemon of a real host: the root helper's channel, the stores of the data directory, and the drivers that touch the world.
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { openHelperChannel } from '../drivers/helper-client/helper-client.ts';
import { systemClock } from '../lib/clock.ts';
import { writeDurably } from '../lib/durable-file.ts';
import { CaissonError } from '../lib/errors.ts';
import { systemRandom } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { version } from '../model/version.ts';
import type { History } from '../store/history.ts';
import type { Journal } from '../store/journal.ts';
import { openSqliteHistory } from '../store/sqlite/sqlite-history.ts';
import { openSqliteJournal } from '../store/sqlite/sqlite-journal.ts';
import { openSqliteStore } from '../store/sqlite/sqlite-store.ts';
import type { Store } from '../store/store.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { openApiToken } from './http/api-token.ts';
import { createDrivers } from './drivers.ts';
import { withFailpoints } from './part-failpoints.ts';
import { reserveMib } from './reserve.ts';

export interface HostDaemonOptions {
  log: Log;
  webRoot: string | undefined;
  /** The helper's channel is closed, while nobody has asked us to end. */
  onHelperGone: (why: string) => void;
}

export async function startHostDaemon({ log, webRoot, onHelperGone }: HostDaemonOptions): Promise<Pick<Daemon, 'urls' | 'close'>> {
  let ending = false;
  const helper = openHelperChannel({ onClosed: (why) => ending || onHelperGone(why) });
  const hello = await helper.call('hello', {});
  const facts = await helper.call('hostFacts', {});
  const { dataDirectory, runDirectory } = hello;
  const stores = await openStores(dataDirectory);
  const closeParts = async () => {
    ending = true;
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
      socketPath: join(runDirectory, 'api.sock'),
      tcp: hello.listeners.map(({ fd }) => ({ fd })),
      token: await openApiToken(join(dataDirectory, 'api-token')),
      webRoot,
    });
    return {
      urls: daemon.urls,
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

/** Says that this data directory has had its stores: from then on one that is missing is an error, never a new one. */
const markName = 'daemon.json';

async function openStores(dataDirectory: string): Promise<{ store: Store; journal: Journal; history: History }> {
  const mark = join(dataDirectory, markName);
  const expectExisting = await readFile(mark, 'utf8').then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return false;
      throw new CaissonError('failed', `${mark} cannot be read`, { cause });
    },
  );
  const store = await openSqliteStore({ path: join(dataDirectory, 'store.sqlite'), expectExisting });
  try {
    const journal = await openSqliteJournal({ path: join(dataDirectory, 'journal.sqlite'), expectExisting });
    if (!expectExisting) await writeDurably(mark, `${JSON.stringify({ stores: 1 })}\n`, 0o644);
    // Figures only: one that is not there begins anew.
    const history = await openSqliteHistory({ path: join(dataDirectory, 'history.sqlite') });
    return { store, journal, history };
  } catch (error) {
    await store.close();
    throw error;
  }
}
