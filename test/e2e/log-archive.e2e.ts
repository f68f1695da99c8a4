// The audit log of a real daemon on a full disk: it is not archived by halves. Whoever asks is refused and told why, every entry stays, and with space it is done.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, existsSync, fsyncSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { toCaissonError } from '../../src/lib/errors.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { checkChain } from '../../src/model/log-chain.ts';
import type { LogEntry } from '../../src/model/log-entry.ts';
import { launcher, RealDaemon } from './real-daemon.ts';

const pageBytes = 4096;
const soon = { timeoutMs: 300_000, everyMs: 100 };

const isRoot = process.getuid?.() === 0;
let host: RealDaemon;
let folder = '';

before(async () => {
  if (!isRoot) return;
  folder = mkdtempSync(join(tmpdir(), 'caisson-archive-'));
  chmodSync(folder, 0o755);
  const disk = join(folder, 'disk');
  mkdirSync(disk);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m,mode=0755', 'caisson-archive', disk]);
  const data = join(disk, 'data');
  mkdirSync(data, { mode: 0o700 });
  host = new RealDaemon('cst-log-archive', { data });
  await host.start();
});

after(async () => {
  if (!isRoot) return;
  await host.close();
  execFileSync('umount', [join(folder, 'disk')]);
  rmSync(folder, { recursive: true, force: true });
});

async function caisson(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(launcher, [...argv, '--data', host.data], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, ...said };
}

/** Something that changes nothing, and is written down twice: that it was asked, and what came of it. */
function touch(): Promise<unknown> {
  return host.client.call('tokenDelete', { params: { token: 'nobody' } }).then(
    () => assert.fail('there is no such token'),
    (error: unknown) => toCaissonError(error).code,
  );
}

async function entries(): Promise<LogEntry[]> {
  const all: LogEntry[] = [];
  for (let after = 0; ;) {
    const { items } = await host.client.call('logEntries', { query: { after, limit: 1000 } });
    all.push(...items);
    const last = items.at(-1);
    if (!last || items.length < 1000) return all;
    after = last.number;
  }
}

/** A file that takes every page of the disk that is left; `give` gives some back. */
class Ballast {
  readonly #file = openSync(join(host.data, 'ballast'), 'w');
  #bytes = 0;

  fill(): void {
    const page = Buffer.alloc(pageBytes, 1);
    try {
      for (;;) this.#bytes += writeSync(this.#file, page, 0, pageBytes, this.#bytes);
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
    fsyncSync(this.#file);
  }

  give(bytes: number): void {
    this.#bytes = Math.max(0, this.#bytes - bytes);
    ftruncateSync(this.#file, this.#bytes);
  }

  close(): void {
    closeSync(this.#file);
    rmSync(join(host.data, 'ballast'));
  }
}

test('on a full disk archiving is refused with what to do, nothing of the log is lost, and with space again it is done', async (t) => {
  if (!isRoot) return t.skip('needs root');
  for (let count = 0; count < 300; count++) assert.equal(await touch(), 'not-found');
  const old = (await entries()).at(-1) ?? assert.fail('an empty log');
  assert.ok(old.number >= 600);
  // What is asked for from here on is of a later second than all that is archived.
  const before = `${new Date(Date.parse(old.time) + 1000).toISOString().slice(0, 19)}Z`;
  await waitFor('that moment', () => Date.now() > Date.parse(before) + 1000, soon);
  const archive = (name: string) => caisson('log', 'archive', join(folder, name), '--before', before);
  const wholeAndLonger = async (than: readonly LogEntry[]) => {
    const now = await entries();
    assert.deepEqual(now.slice(0, than.length), than);
    const check = checkChain();
    for (const entry of now) check.take(entry);
    assert.deepEqual(check.finish(now.length).problems, []);
    const verified = await caisson('log', 'verify');
    assert.equal(verified.code, 0, verified.err);
    return now;
  };

  const ballast = new Ballast();
  try {
    ballast.fill();
    // What fits into pages that are there is still written.
    await waitFor('the log takes no more', async () => (await touch()) === 'unavailable', { timeoutMs: 300_000, everyMs: 1 });
    let known = await wholeAndLonger([]);
    const refused = await archive('full.jsonl');
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^caisson: nothing was removed from the audit log, and \S+full\.jsonl is not kept: .*the disk is full/);
    assert.match(refused.err, /remove something else there by hand/);
    assert.equal(existsSync(join(folder, 'full.jsonl')), false);
    known = await wholeAndLonger(known);

    // A little more space each time: for that it was asked, then for what came of it, at last for what it does.
    let tries = 0;
    for (;;) {
      const file = `try-${++tries}.jsonl`;
      const { code, err } = await archive(file);
      if (code === 0) break;
      assert.ok(tries < 200, err);
      assert.match(err, /disk is full/);
      assert.equal(existsSync(join(folder, file)), false, err);
      known = await wholeAndLonger(known);
      ballast.give(16 * pageBytes);
    }
    const left = await entries();
    assert.equal(left[0]?.number, old.number + 1);
    const verified = await caisson('log', 'verify');
    assert.equal(verified.code, 0, verified.err);
    const both = await caisson('log', 'verify', join(folder, `try-${tries}.jsonl`), '--head', `${old.number}:${old.hash}`);
    assert.equal(both.code, 0, both.err);
    assert.match(both.out, new RegExp(`^${old.number} entries, each as it was written`));
  } finally {
    ballast.close();
  }
  assert.equal(await touch(), 'not-found');
  assert.equal((await caisson('log', 'verify')).code, 0);
});

test('a daemon that is killed there and started again goes on where the archive ends', async (t) => {
  if (!isRoot) return t.skip('needs root');
  const [first] = await entries();
  await host.kill();
  await host.start();
  assert.equal((await entries())[0]?.number, first?.number);
  const verified = await caisson('log', 'verify');
  assert.equal(verified.code, 0, verified.err);
});
