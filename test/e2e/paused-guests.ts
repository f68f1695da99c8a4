// Many guests that cost little: QEMUs that never ran (36 MiB each), started by the root helper as a daemon would, and a store that knows
// them. What a daemon that is started on them does is the same as with guests that serve.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '../../src/api/client.ts';
import { createNodeTransport } from '../../src/api/node-transport.ts';
import { seededRandom } from '../../src/lib/ids.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Guest, GuestRecord } from '../../src/model/guest-status.ts';
import { tapName } from '../../src/plan/machine.ts';
import { newGuestRecord } from '../../src/plan/new-guest.ts';
import { openSqliteJournal } from '../../src/store/sqlite/sqlite-journal.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { sampleSite } from '../daemon/sample-site.ts';
import { createHelperFixture, type HelperFixture, idleQemu, someLimits } from './helper-fixture.ts';

const launcher = join(import.meta.dirname, '../../bin/caisson');

/** Helper and daemon over such guests; they may be killed and started again. */
export class PausedHost {
  readonly data: string;
  readonly #fixture: HelperFixture;
  readonly #netns: string;
  #helper: ChildProcess | undefined;

  private constructor(fixture: HelperFixture, netns: string) {
    this.#fixture = fixture;
    this.data = fixture.data;
    this.#netns = netns;
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
    let said = '';
    const child = spawn(launcher, ['daemon', '--data', this.data, '--netns', this.#netns], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#helper = child;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await waitFor(
      'the daemon is ready',
      () => {
        if (child.exitCode !== null) throw new Error(`the daemon ended: ${said}`);
        return /^ready /m.test(said);
      },
      { timeoutMs: 60_000, everyMs: 5 },
    );
    const transport = createNodeTransport({ socketPath: join(this.data, 'run/api.sock') });
    try {
      return (await createClient(transport).call('guestList', {})).items;
    } finally {
      transport.close();
    }
  }

  /** Kills the helper; its daemon cannot go on without it. */
  async kill(): Promise<void> {
    const helper = this.#helper;
    if (helper?.pid === undefined || helper.exitCode !== null || helper.signalCode !== null) return;
    process.kill(helper.pid, 'SIGKILL');
    await waitFor('both are gone', () => helper.signalCode === 'SIGKILL' && !this.#hasDaemon(), { timeoutMs: 60_000, everyMs: 20 });
  }

  async remove(): Promise<void> {
    await this.kill();
    await this.#fixture.remove();
  }

  #hasDaemon(): boolean {
    try {
      execFileSync('pgrep', ['-f', `dist/daemon\\.js --data ${this.data}( |$)`]);
      return true;
    } catch {
      return false;
    }
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
