// An acknowledged write is there after the process is killed, after a power cut, and after the disk was full.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { CaissonError } from '../../src/lib/errors.ts';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Store } from '../../src/store/store.ts';
import { openSqliteJournal } from '../../src/store/sqlite/sqlite-journal.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { storeWriterPath } from './store-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-durability-'));
after(() => rmSync(folder, { recursive: true }));

interface Ack {
  n: number;
  revision: number;
}

class Writer {
  readonly child: ChildProcess;
  readonly gone: Promise<void>;
  #output = '';

  constructor(path: string, count: number, more: { durability?: 'full' | 'relaxed'; bytes?: number; under?: string[] } = {}) {
    const argv = [
      ...(more.under ?? []),
      process.execPath,
      storeWriterPath,
      path,
      String(count),
      more.durability ?? 'full',
      String(more.bytes ?? 10),
    ];
    this.child = spawn(argv[0] as string, argv.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    this.gone = new Promise((resolve) => this.child.on('close', () => resolve()));
  }

  get acks(): Ack[] {
    return [...this.#output.matchAll(/^ack (\d+) (\d+)$/gm)].map((match) => ({ n: Number(match[1]), revision: Number(match[2]) }));
  }

  get errors(): string[] {
    return [...this.#output.matchAll(/^error \d+ (.*)$/gm)].map((match) => match[1] as string);
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone;
  }
}

/** What must hold of a store after its writer ended in the middle: the promised writes are there, all revisions are past. */
async function checkAfterwards(path: string, promised: Ack[], acknowledged: Ack[] = promised): Promise<void> {
  const store = await openSqliteStore({ path, expectExisting: promised.length > 0 });
  try {
    const { rows, revision } = await store.list('a/');
    const found = new Map(rows.map((row) => [row.key, row.revision]));
    for (const ack of promised) assert.equal(found.get(`a/${ack.n}`), ack.revision, `write ${ack.n} was acknowledged and is gone`);
    const last = ((await store.get('last'))?.value as { n: number } | undefined)?.n ?? 0;
    assert.equal(rows.length, last, 'half a transaction, or a hole');
    assert.ok(
      acknowledged.every((ack) => ack.revision < revision),
      'a revision could be given twice',
    );
  } finally {
    await store.close();
  }
}

function mustBeRoot(t: TestContext): boolean {
  if (process.getuid?.() === 0) return true;
  t.skip('needs root');
  return false;
}

describe('durability of the store', () => {
  test('killed at any moment, every acknowledged write is there, relaxed ones too', async () => {
    for (const [index, durability] of (['full', 'relaxed', 'full', 'relaxed'] as const).entries()) {
      const path = join(folder, `kill-${index}.sqlite`);
      const writer = new Writer(path, 100_000, { durability });
      await waitFor('writes', () => writer.acks.length >= 50 + index * 333, { timeoutMs: 60_000, everyMs: 1 });
      await writer.kill();
      await checkAfterwards(path, writer.acks);
    }
  });

  test('killed at its n-th sync, from the making of the file on, the store opens and keeps its word', async (t) => {
    if (!(await has('strace'))) return t.skip('strace is not installed');
    for (const n of [1, 2, 3, 4, 5, 8, 13]) {
      const path = join(folder, `sync-${n}.sqlite`);
      const writer = new Writer(path, 50, {
        under: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `inject=fdatasync,fsync:signal=KILL:when=${n}`],
      });
      await writer.gone;
      assert.ok(writer.acks.length < 50);
      await checkAfterwards(path, writer.acks);
    }
  });

  test('a write is acknowledged only after a sync that came after it', async (t) => {
    if (!(await has('strace'))) return t.skip('strace is not installed');
    const trace = join(folder, 'trace');
    const writer = new Writer(join(folder, 'order.sqlite'), 20, {
      under: ['strace', '-f', '-qq', '-o', trace, '-e', 'trace=fdatasync,fsync,pwrite64,write'],
    });
    await waitFor('writes', () => writer.acks.length === 20, { timeoutMs: 60_000 });
    await run(['kill', '-9', String(await childOf(writer.child.pid ?? 0))]);
    await writer.gone;
    let unsynced = true;
    let acks = 0;
    for (const line of readFileSync(trace, 'utf8').split('\n')) {
      if (/pwrite64\(/.test(line)) unsynced = true;
      else if (/f(?:data)?sync\(/.test(line)) unsynced = false;
      else if (/write\(1, "ack/.test(line)) {
        assert.equal(unsynced, false, line);
        acks++;
        unsynced = true;
      }
    }
    assert.equal(acks, 20);
  });

  test('after a sync that failed the store takes no more writes until it is opened again', async (t) => {
    if (!(await has('strace'))) return t.skip('strace is not installed');
    const path = join(folder, 'eio.sqlite');
    const writer = new Writer(path, 20, {
      under: ['strace', '-f', '-qq', '-o', '/dev/null', '-e', 'inject=fdatasync,fsync:error=EIO:when=15'],
    });
    await waitFor('the end', () => writer.acks.length + writer.errors.length === 20, { timeoutMs: 60_000 });
    await run(['kill', '-9', String(await childOf(writer.child.pid ?? 0))]);
    await writer.gone;
    assert.ok(writer.acks.length >= 5 && writer.errors.length >= 5, `${writer.acks.length} written`);
    assert.match(writer.errors[0] ?? '', /^unavailable .*disk/);
    assert.match(writer.errors[1] ?? '', /^unavailable .*no more writes/);
    assert.equal(writer.acks.at(-1)?.n, writer.acks.length, 'none after the failure');
    const store = await openSqliteStore({ path, expectExisting: true });
    for (const ack of writer.acks) assert.ok(await store.get(`a/${ack.n}`));
    await store.put('site', 1, { expected: 'any' });
    await store.close();
  });

  test('after a power cut every durable write is there, and no revision is given twice', async (t) => {
    if (!mustBeRoot(t)) return;
    const image = join(folder, 'disk.img');
    const mount = join(folder, 'disk');
    await mkdir(mount);
    await run(['mke2fs', '-q', '-t', 'ext4', image, '64M']);
    const whileMounted = async (work: () => Promise<void>) => {
      await run(['mount', '-o', 'loop', image, mount]);
      try {
        await work();
      } finally {
        await run(['umount', mount]);
      }
    };
    try {
      await whileMounted(async () => {});
    } catch (error) {
      return t.skip(`no loop device: ${String(error)}`);
    }
    for (const durability of ['full', 'relaxed'] as const) {
      const path = join(mount, `${durability}.sqlite`);
      let acks: Ack[] = [];
      await whileMounted(async () => {
        const writer = new Writer(path, 100_000, { durability });
        try {
          await waitFor('writes', () => writer.acks.length >= 205, { timeoutMs: 60_000, everyMs: 1 });
          acks = writer.acks; // before the cut: what is acknowledged while it happens proves nothing
          // EXT4_IOC_SHUTDOWN without a flush of the file system's log: what is not on the disk now never will be.
          const cut = 'open(F, "<", $ARGV[0]) or die; my $how = pack("L", 2); ioctl(F, 0x8004587d, $how) or die "$!"';
          await run(['perl', '-e', cut, mount]);
        } finally {
          await writer.kill();
        }
      });
      // Every tenth write is durable in any case, and with it all before it.
      const durable = durability === 'full' ? acks.length : Math.floor(acks.length / 10) * 10;
      await whileMounted(() => checkAfterwards(path, acks.slice(0, durable), acks));
    }
  });

  test('on a full disk writes fail and say so, reading goes on, and so does writing when there is space again', async (t) => {
    if (!mustBeRoot(t)) return;
    const mount = join(folder, 'full');
    await mkdir(mount);
    await run(['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount]);
    let store: Store | undefined;
    try {
      const path = join(mount, 'store.sqlite');
      store = await openSqliteStore({ path, expectExisting: false });
      const journal = await openSqliteJournal({ path: join(mount, 'journal.sqlite'), expectExisting: false });
      const ballast = join(mount, 'ballast');
      writeFileSync(ballast, 'x'.repeat(2 * 1024 * 1024));
      const event = { time: '2026-01-01T00:00:00.000Z', kind: 'guest-started', severity: 'info', message: 'm'.repeat(1000) } as const;
      const written: string[] = [];
      const fill = async () => {
        for (let i = 0; i < 1000; i++) {
          const key = `a/${written.length}`;
          await store?.put(key, 'y'.repeat(50_000), { expected: 'absent' });
          written.push(key);
        }
      };
      await assert.rejects(
        fill(),
        (error) => error instanceof CaissonError && error.code === 'failed' && /disk is full.*make space/.test(error.message),
      );
      assert.ok(written.length > 5);
      await assert.rejects(journal.appendEvents(Array.from({ length: 900 }, () => event)), /disk is full/);
      const keys = async () => (await store?.list('a/'))?.rows.map((row) => row.key).toSorted();
      assert.deepEqual(await keys(), written.toSorted());
      const other = join(mount, 'other.sqlite');
      await assert.rejects(openSqliteStore({ path: other, expectExisting: false }), /disk is full/);
      await assert.rejects(stat(other), { code: 'ENOENT' });

      rmSync(ballast);
      await store.put('site', 'there is space', { expected: 'absent' });
      assert.equal((await journal.appendEvents([event])).length, 1);
      await journal.close();
      await store.close();
      store = await openSqliteStore({ path, expectExisting: true });
      assert.deepEqual(await keys(), written.toSorted());
      assert.equal((await store.get('site'))?.value, 'there is space');
    } finally {
      await store?.close();
      await run(['umount', mount]);
    }
  });
});

async function has(program: string): Promise<boolean> {
  try {
    await run([program, '--version']);
    return true;
  } catch {
    return false;
  }
}

/** The process that strace runs. */
async function childOf(pid: number): Promise<number> {
  const { stdout } = await run(['pgrep', '-P', String(pid)]);
  return Number(stdout.trim().split('\n')[0]);
}
