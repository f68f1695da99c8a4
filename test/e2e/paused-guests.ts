// Many guests that cost little: QEMUs that never ran (36 MiB each), started by the root helper as a daemon would, and a store that knows
// them. What a daemon that is started on them does is the same as with guests that serve.
import { chownSync, writeFileSync } from 'node:fs';
import { seededRandom } from '../../src/lib/ids.ts';
import type { Guest, GuestRecord } from '../../src/model/guest-status.ts';
import { tapName } from '../../src/plan/machine.ts';
import { newGuestRecord } from '../../src/plan/new-guest.ts';
import { openSqliteJournal } from '../../src/store/sqlite/sqlite-journal.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { sampleSite } from '../daemon/sample-site.ts';
import { createHelperFixture, type HelperFixture, idleQemu, someLimits } from './helper-fixture.ts';
import { RealDaemon } from './real-daemon.ts';

/** Helper and daemon over such guests; they may be killed and started again. */
export class PausedHost {
  readonly #fixture: HelperFixture;
  readonly #daemon: RealDaemon;

  private constructor(fixture: HelperFixture, netns: string) {
    this.#fixture = fixture;
    this.#daemon = new RealDaemon(netns, { data: fixture.data });
  }

  get data(): string {
    return this.#daemon.data;
  }

  /** No daemon runs when it resolves. */
  static async open(name: string, count: number): Promise<PausedHost> {
    const fixture = createHelperFixture(name);
    const netns = `cst-${name}`;
    const helper = await fixture.start({ args: ['--netns', netns] });
    const records: GuestRecord[] = [];
    for (let index = 0; index < count; index++) {
      const userId = helper.hello.userIds.base + index;
      const { uid, disk, consoleLog } = await fixture.makeGuest(helper, userId);
      records.push(recordOf(uid, index, userId));
      await helper.client.call('guestStart', {
        uid,
        userId,
        argv: idleQemu(helper.hello, uid, { tap: true }),
        taps: [{ name: tapName(uid, 0) }],
        disks: [disk, consoleLog],
        files: [],
        generation: 1,
        limits: someLimits,
      });
    }
    await helper.stop();
    await writeStores(fixture.data, records);
    // The stores are the daemon's.
    for (const file of ['store.sqlite', 'journal.sqlite', 'daemon.json'])
      chownSync(`${fixture.data}/${file}`, fixture.user.userId, fixture.user.groupId);
    return new PausedHost(fixture, netns);
  }

  /** Starts the daemon: what it knows of its guests when it is ready. */
  async start(): Promise<Guest[]> {
    await this.#daemon.start();
    return (await this.#daemon.client.call('guestList', {})).items;
  }

  /** Kills helper and daemon. */
  kill(): Promise<void> {
    return this.#daemon.kill();
  }

  async remove(): Promise<void> {
    await this.kill();
    await this.#fixture.remove();
  }
}

function recordOf(uid: string, index: number, userId: number): GuestRecord {
  const { guests } = sampleSite(index + 1);
  const name = `guest-${index}`;
  const spec = { ...(guests[name] as GuestRecord['spec']), memoryMib: 64 };
  const record = newGuestRecord(name, spec, {
    random: seededRandom(index + 1),
    machineType: 'pc-q35-7.2',
    cpuModel: 'Nehalem',
    userId,
    now: 0,
    addresses: [spec.nics[0]?.addresses ?? []],
  });
  return { ...record, uid, wantedPower: 'paused', disksMade: ['root'] };
}

async function writeStores(data: string, records: readonly GuestRecord[]): Promise<void> {
  const { zones } = sampleSite(0);
  const store = await openSqliteStore({ path: `${data}/store.sqlite`, expectExisting: false });
  await store.put('site', { version: 1, site: 'lab', timezone: 'UTC' }, { expected: 'absent' });
  await store.put('zone/internal', { index: 0, zone: zones['internal'] }, { expected: 'absent' });
  for (const record of records) await store.put(`guest/${record.uid}`, record, { expected: 'absent' });
  await store.close();
  await (await openSqliteJournal({ path: `${data}/journal.sqlite`, expectExisting: false })).close();
  writeFileSync(`${data}/daemon.json`, '{"stores":1}\n');
}
