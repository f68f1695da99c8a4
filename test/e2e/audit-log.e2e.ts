// The audit log over HTTP and on disks that fail: nothing is done without its entry, nothing is answered before its outcome is written, and what
// was written stays as it was.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { noUsers } from '../../src/daemon/http/access-control.ts';
import { AuditTrail } from '../../src/daemon/http/audit-trail.ts';
import { createSimulatedWorld, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import { run } from '../../src/lib/exec.ts';
import { silentLog } from '../../src/lib/log.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Caller } from '../../src/model/caller.ts';
import { checkChain } from '../../src/model/log-chain.ts';
import { type AuditLog, digestEntries } from '../../src/store/audit-log.ts';
import { MemoryAuditLog } from '../../src/store/memory/memory-audit-log.ts';
import { openSqliteAuditLog } from '../../src/store/sqlite/sqlite-audit-log.ts';
import { Terminal } from '../cli/terminal.ts';
import { ask, HttpTrial, problemOf } from '../daemon/http-trial.ts';
import { sampleJob } from '../daemon/sample-handlers.ts';
import { sampleSite } from '../daemon/sample-site.ts';
import { auditLogWriterPath } from './audit-log-writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-audit-log-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function problemsOf(log: AuditLog): Promise<string[]> {
  const check = checkChain({ after: await log.archived() });
  for (const entry of await log.read({ after: 0, limit: 1_000_000 })) check.take(entry);
  return check.finish((await log.head()).number).problems;
}

describe('requests', () => {
  let trial: HttpTrial;
  before(async () => {
    trial = await HttpTrial.open();
  });
  after(() => trial.close());

  const kindsOf = async (log: AuditLog) => (await log.read({ after: 0, limit: 100 })).map(({ kind, operation }) => `${kind} ${operation}`);

  test('an entry is written before the deed, its outcome before the answer', async () => {
    const log = new MemoryAuditLog();
    const seen: string[][] = [];
    const job = sampleJob('Start guest web');
    const site = await trial.serve(
      {
        guestStart: async () => {
          seen.push(await kindsOf(log));
          return job;
        },
      },
      {},
      { auditTrail: new AuditTrail(log, silentLog) },
    );
    assert.equal((await ask(site, { method: 'POST', path: '/v1/guests/web/start' })).status, 202);
    assert.deepEqual(seen, [['request guestStart']]);
    const [action] = await log.listActions();
    assert.deepEqual(
      { ...action, time: undefined },
      {
        number: 1,
        time: undefined,
        kind: 'request',
        actor: 'local',
        from: 'unix',
        operation: 'guestStart',
        object: 'guest/web',
        outcome: { result: 'accepted' },
        job: job.uid,
      },
    );
  });

  test('what is refused and what fails is there with its reason; what only asks, and what is not even valid, is not', async () => {
    const log = new MemoryAuditLog();
    const site = await trial.serve(
      {
        guestStop: () => Promise.reject(new CaissonError('not-allowed', 'guest “web” is stopped')),
        guestPause: () => Promise.reject(new TypeError('a secret of the inside')),
        guestList: () => Promise.resolve({ items: [] }),
      },
      {},
      { auditTrail: new AuditTrail(log, silentLog) },
    );
    await ask(site, { path: '/v1/guests' });
    await ask(site, { method: 'POST', path: '/v1/guests/web/stop', headers: { 'content-type': 'application/json' }, body: '{"x":1}' });
    assert.deepEqual(await log.listActions(), []);
    await ask(site, { method: 'POST', path: '/v1/guests/web/stop', tcp: false });
    await ask(site, { method: 'POST', path: '/v1/guests/web/pause' });
    assert.deepEqual(
      (await log.listActions()).map(({ operation, outcome }) => ({ operation, ...outcome })),
      [
        { operation: 'guestPause', result: 'failed', code: 'internal', message: 'a defect of Caisson' },
        { operation: 'guestStop', result: 'refused', code: 'not-allowed', message: 'guest “web” is stopped' },
      ],
    );
  });

  test('a wrong token is a refused login with its address, and a flood of them is counted', async () => {
    const log = new MemoryAuditLog();
    const site = await trial.serve({}, {}, { auditTrail: new AuditTrail(log, silentLog) });
    const headers = { host: `127.0.0.1:${site.address.port}`, authorization: 'Bearer wrong' };
    for (let index = 0; index < 70; index++) assert.equal((await ask(site, { path: '/v1/host', tcp: true, headers })).status, 401);
    await ask(site, { path: '/v1/host', tcp: true, headers: { host: headers.host } });
    const logins = await log.listActions({ kind: 'login', limit: 1000 });
    assert.equal(logins.length, 60);
    assert.deepEqual([logins[0]?.from, logins[0]?.outcome?.result], ['127.0.0.1', 'refused']);
    assert.ok(!JSON.stringify(await log.read({ after: 0, limit: 1000 })).includes('wrong'));
  });

  test('who may not is there too', async () => {
    const log = new MemoryAuditLog();
    const viewer: Caller = { actor: 'user:vera', user: 'vera', rights: [[{ role: 'viewer', on: 'site' }]] };
    const site = await trial.serve({}, {}, { auditTrail: new AuditTrail(log, silentLog), access: { ...noUsers, identify: () => viewer } });
    const headers = { host: `127.0.0.1:${site.address.port}`, authorization: 'Bearer vera' };
    assert.equal((await ask(site, { method: 'DELETE', path: '/v1/site?deleteDisks=true', tcp: true, headers })).status, 403);
    const [action] = await log.listActions({ actor: 'user:vera' });
    assert.deepEqual([action?.operation, action?.outcome?.result, action?.outcome?.code], ['siteDestroy', 'refused', 'forbidden']);
    assert.equal((await ask(site, { path: '/v1/audit-log', tcp: true, headers })).status, 403);
  });

  test('a console that is opened is there', async () => {
    const log = new MemoryAuditLog();
    const site = await trial.serve(
      {},
      { guestConsole: () => Promise.reject(new CaissonError('not-allowed', 'guest “web” is stopped')) },
      { auditTrail: new AuditTrail(log, silentLog) },
    );
    const transport = trial.transport({ socketPath: site.socketPath });
    await assert.rejects(transport.openWebSocket('/v1/guests/web/console'), { code: 'not-allowed' });
    const [action] = await log.listActions();
    assert.deepEqual([action?.operation, action?.object, action?.outcome?.result], ['guestConsole', 'guest/web', 'refused']);
  });

  test('a picture of a screen is there, for each who looks at a guest, and not each time', async () => {
    const log = new MemoryAuditLog();
    let fails = true;
    const site = await trial.serve(
      {
        guestScreenshot: () =>
          fails ? Promise.reject(new CaissonError('not-allowed', 'guest “web” is stopped')) : Promise.resolve(Buffer.from('a picture')),
      },
      {},
      {
        auditTrail: new AuditTrail(log, silentLog),
        access: {
          ...noUsers,
          identify: ({ bearer }) => ({ actor: `user:${bearer}`, user: bearer ?? '', rights: [[{ role: 'administrator', on: 'site' }]] }),
        },
      },
    );
    const look = (guest: string, user?: string) => {
      const headers: Record<string, string> =
        user === undefined ? {} : { host: `127.0.0.1:${site.address.port}`, authorization: `Bearer ${user}` };
      return ask(site, { path: `/v1/guests/${guest}/screenshot`, tcp: user !== undefined, headers });
    };
    assert.equal((await look('web')).status, 409);
    fails = false;
    for (let count = 0; count < 5; count++) assert.equal((await look('web')).status, 200);
    await look('web', 'anna');
    await look('web', 'anna');
    await look('database', 'anna');
    assert.deepEqual(
      (await log.listActions()).map(({ actor, object, operation, outcome }) => [actor, object, operation, outcome?.result]),
      [
        ['user:anna', 'guest/database', 'guestScreenshot', 'succeeded'],
        ['user:anna', 'guest/web', 'guestScreenshot', 'succeeded'],
        ['local', 'guest/web', 'guestScreenshot', 'succeeded'],
        ['local', 'guest/web', 'guestScreenshot', 'refused'],
      ],
    );
  });

  test('an outcome that cannot be written does not hide what was done', async () => {
    const log = new MemoryAuditLog();
    const append = log.append.bind(log);
    log.append = (entry) => (entry.kind === 'outcome' ? Promise.reject(new CaissonError('failed', 'the disk is full')) : append(entry));
    const said: string[] = [];
    const trail = new AuditTrail(log, { ...silentLog, error: (message) => void said.push(message) });
    const site = await trial.serve({ guestStart: () => Promise.resolve(sampleJob('Start guest web')) }, {}, { auditTrail: trail });
    assert.equal((await ask(site, { method: 'POST', path: '/v1/guests/web/start' })).status, 202);
    assert.deepEqual(said, ['the audit log cannot be written']);
    assert.equal((await log.listActions())[0]?.outcome, undefined);
  });

  test('on a full disk a change is refused before it begins, asking goes on, and so does changing when there is space again', async (t) => {
    if (process.getuid?.() !== 0) return t.skip('needs root');
    const mount = join(folder, 'full');
    await mkdir(mount);
    await run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount]);
    let log: AuditLog | undefined;
    try {
      log = await openSqliteAuditLog({ path: join(mount, 'audit-log.sqlite'), expectExisting: false });
      let started = 0;
      const site = await trial.serve(
        {
          guestStart: async () => {
            started++;
            return sampleJob('Start guest web');
          },
          guestList: async () => ({ items: [] }),
        },
        {},
        { auditTrail: new AuditTrail(log, silentLog) },
      );
      const start = () => ask(site, { method: 'POST', path: '/v1/guests/web/start' });
      assert.equal((await start()).status, 202);
      const ballast = join(mount, 'ballast');
      assert.throws(() => writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024)), { code: 'ENOSPC' });
      // What fits into pages that are there may still be written.
      const refused = await waitFor(
        'the disk is full',
        async () => {
          const before = started;
          const answer = await start();
          return answer.status === 503 ? { answer, more: started - before } : undefined;
        },
        { timeoutMs: 60_000, everyMs: 1 },
      );
      assert.equal(refused.more, 0, 'it was not even begun');
      assert.match(problemOf(refused.answer).detail, /nothing was changed.*audit log.*disk is full/);
      assert.equal((await ask(site, { path: '/v1/guests' })).status, 200);
      rmSync(ballast);
      assert.equal((await start()).status, 202);
      assert.deepEqual(await problemsOf(log), []);
    } finally {
      await log?.close();
      await run(['umount', mount]);
    }
  });
});

/** A writer that is killed once it has acknowledged so many entries: which those were, and all that it said. */
async function killedAfter(acks: number, ...paths: string[]): Promise<{ acknowledged: RegExpExecArray[]; said: string }> {
  const writer = spawn(process.execPath, [auditLogWriterPath, ...paths], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  writer.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const gone = new Promise<void>((resolve) => writer.on('close', () => resolve()));
  const acknowledged = () => [...said.matchAll(/^ack (\d+):([0-9a-f]{64})$/gm)];
  await waitFor('entries', () => acknowledged().length >= acks, { timeoutMs: 60_000, everyMs: 1 });
  writer.kill('SIGKILL');
  await gone;
  return { acknowledged: acknowledged(), said };
}

test('a writer that is killed at any moment leaves a whole chain with everything that was acknowledged', async () => {
  for (const acks of [1, 3, 20, 100]) {
    const path = join(folder, `killed-${acks}.sqlite`);
    const { acknowledged } = await killedAfter(acks, path);
    const log = await openSqliteAuditLog({ path, expectExisting: true });
    await log.append({ kind: 'request', actor: 'next', from: 'unix', operation: 'guestStart' });
    assert.deepEqual(await problemsOf(log), []);
    const hashes = new Map((await log.read({ after: 0, limit: 1_000_000 })).map(({ number, hash }) => [number, hash]));
    for (const [, number, hash] of acknowledged) assert.equal(hashes.get(Number(number)), hash);
    await log.close();
  }
});

test('a writer that is killed while it archives leaves every acknowledged entry: in the archive, in the log, or in both', async () => {
  for (const acks of [9, 40, 70, 100]) {
    const path = join(folder, `archiving-${acks}.sqlite`);
    const archive = join(folder, `archiving-${acks}.jsonl`);
    writeFileSync(archive, '');
    const { acknowledged, said } = await killedAfter(acks, path, archive);
    const log = await openSqliteAuditLog({ path, expectExisting: true });
    try {
      const archived = await log.archived();
      assert.ok(archived.number >= Number([...said.matchAll(/^archived (\d+)$/gm)].at(-1)?.[1] ?? 0));
      await log.append({ kind: 'request', actor: 'next', from: 'unix', operation: 'guestStart' });
      assert.deepEqual(await problemsOf(log), []);
      // What was written into the archive and not removed any more stands in both; a last line may be half.
      const lines = readFileSync(archive, 'utf8').split('\n').slice(0, -1);
      const kept = new Map(
        lines.map((line) => JSON.parse(line) as { number: number; hash: string }).map(({ number, hash }) => [number, hash]),
      );
      const check = checkChain({ known: [archived] });
      for (const line of lines) {
        const entry = JSON.parse(line) as { number: number };
        if (entry.number <= archived.number) check.take(entry);
      }
      const left = await log.read({ after: 0, limit: 1_000_000 });
      for (const entry of left) check.take(entry);
      assert.deepEqual(check.finish((await log.head()).number).problems, []);
      for (const { number, hash } of left) kept.set(number, hash);
      for (const [, number, hash] of acknowledged) assert.equal(kept.get(Number(number)), hash);
    } finally {
      await log.close();
    }
  }
});

test('on a full disk nothing is archived, and the log stays as it was', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('needs root');
  const mount = join(folder, 'full-archive');
  await mkdir(mount);
  await run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount]);
  const path = join(mount, 'audit-log.sqlite');
  const ballast = join(mount, 'ballast');
  const fill = () => assert.throws(() => writeFileSync(ballast, Buffer.alloc(16 * 1024 * 1024)), { code: 'ENOSPC' });
  let log: AuditLog | undefined;
  try {
    const longAgo = { ...systemClock, now: () => Date.UTC(2020, 0, 10) };
    const first = await openSqliteAuditLog({ path, expectExisting: false, clock: longAgo });
    for (let count = 0; count < 200; count++) await first.append({ kind: 'request', actor: 'test', from: 'unix', operation: 'guestStart' });
    await first.close();
    log = await openSqliteAuditLog({ path, expectExisting: true });
    const through = await log.head();
    const { sha256 } = await digestEntries(log, 0, through.number);
    fill();
    await assert.rejects(log.archive(through, sha256), { code: 'failed', message: /audit log .* the disk is full/ });
    assert.equal((await log.archived()).number, 0);
    assert.equal((await log.read({ after: 0, limit: 1000 })).length, 200);
    // The file of an archive on a full disk.
    const world = createSimulatedWorld();
    Object.assign(world, { auditLog: log });
    const data = join(folder, 'full-data');
    const daemon = await startSimulatedDaemon({ world, socketPath: join(data, 'run/api.sock'), bootMs: 1, checkResponses: true });
    try {
      const file = join(mount, 'archive.jsonl');
      const terminal = new Terminal({ env: { CAISSON_DATA: data } });
      assert.equal(await runCli(['log', 'archive', file, '--before', '2020-02-01'], terminal), 1);
      assert.match(terminal.err, /archive\.jsonl cannot be written: nothing was removed from the audit log/);
      assert.throws(() => statSync(file), { code: 'ENOENT' });
    } finally {
      await daemon.close();
    }
    rmSync(ballast);
    assert.equal(await log.archive(through, sha256), 200);
    await log.append({ kind: 'request', actor: 'next', from: 'unix', operation: 'guestStart' });
    assert.deepEqual(await problemsOf(log), []);
  } finally {
    await log?.close();
    await run(['umount', mount]);
  }
});

test('the oldest entries are archived by the command line: each archive proves itself, goes on from the one before, and the log from the last', async () => {
  const data = join(folder, 'archived-data');
  let now = Date.UTC(2020, 0, 10);
  const auditLog = new MemoryAuditLog({ clock: { ...systemClock, now: () => now } });
  const world = createSimulatedWorld();
  Object.assign(world, { auditLog });
  const daemon = await startSimulatedDaemon({ world, socketPath: join(data, 'run/api.sock'), bootMs: 1, checkResponses: true });
  const caisson = async (...argv: string[]) => {
    const terminal = new Terminal({ env: { CAISSON_DATA: data } });
    const code = await runCli(argv, terminal);
    return { code, out: terminal.out, err: terminal.err };
  };
  const fileOf = (name: string) => join(folder, `${name}.jsonl`);
  try {
    const add = (operation: string) => auditLog.append({ kind: 'request', actor: 'user:ada', from: '192.0.2.7', operation });
    for (const operation of ['guestStart', 'guestStop', 'guestPause']) await add(operation);
    now = Date.UTC(2020, 1, 10);
    for (const operation of ['guestStart', 'guestStop']) await add(operation);
    now = Date.UTC(2020, 2, 10);
    await add('guestStart');

    const nothing = await caisson('log', 'archive', fileOf('too-old'), '--before', '2019-01-01');
    assert.equal(nothing.code, 0);
    assert.match(nothing.err, /nothing is so old/);
    assert.throws(() => statSync(fileOf('too-old')), { code: 'ENOENT' });
    for (const wrong of ['tomorrow', '2020-13-01', '2020-02-30x', '2999-01-01'])
      assert.equal((await caisson('log', 'archive', fileOf('wrong'), '--before', wrong)).code, 2, wrong);
    assert.equal((await caisson('log', 'archive', fileOf('wrong'))).code, 2);

    const january = await caisson('log', 'archive', fileOf('january'), '--before', '2020-02-01');
    assert.equal(january.code, 0, january.err);
    assert.match(january.out, /^3 entries, 1 to 3, are in .*january\.jsonl and no longer in the audit log\nhead 3:[0-9a-f]{64}\n$/);
    assert.equal(statSync(fileOf('january')).mode & 0o777, 0o600);
    const again = await caisson('log', 'archive', fileOf('january'), '--before', '2020-03-01');
    assert.equal(again.code, 1);
    assert.match(again.err, /is there already: an archive is not written over/);
    assert.equal(readFileSync(fileOf('january'), 'utf8').split('\n').length, 4);
    const february = await caisson('log', 'archive', fileOf('february'), '--before', '2020-03-01', '-o', 'json');
    const made = JSON.parse(february.out) as { entries: number; begin: { number: number }; head: { number: number; hash: string } };
    assert.deepEqual([made.entries, made.begin.number, made.head.number], [2, 3, 5]);

    // By itself, in a row, and with the log: every head lies on one chain.
    const head = (text: string) => /^head (\S+)$/m.exec(text)?.[1] ?? '';
    const alone = await caisson('log', 'verify', fileOf('february'));
    assert.match(alone.out, new RegExp(`^goes on after ${head(january.out)}, with which an archive ends\n2 entries`));
    const both = await caisson('log', 'verify', fileOf('january'), fileOf('february'), '--head', head(january.out));
    assert.match(both.out, /^5 entries, each as it was written, the noted heads among them/);
    assert.equal(head(both.out), `5:${made.head.hash}`);
    const log = await caisson('log', 'verify', '--head', head(both.out));
    assert.equal(log.code, 0, log.err);
    assert.match(log.out, new RegExp(`^goes on after 5:${made.head.hash}`));
    for (const wrong of [
      [fileOf('february'), fileOf('january')],
      [fileOf('february'), '--head', `3:${'0'.repeat(64)}`],
      ['--head', `5:${'0'.repeat(64)}`],
      ['--head', head(january.out)],
    ])
      assert.equal((await caisson('log', 'verify', ...wrong)).code, 1, wrong.join(' '));

    // Who archived what is in the log, and stays there.
    const { out } = await caisson('log', 'list', '--operation', 'logArchive', '-o', 'json');
    const { items } = JSON.parse(out) as {
      items: { actor: string; parameters: { through: { number: number } }; outcome: { result: string } }[];
    };
    assert.deepEqual(
      items.map(({ actor, parameters, outcome }) => [actor, parameters.through.number, outcome.result]),
      [
        ['local', 5, 'succeeded'],
        ['local', 3, 'succeeded'],
      ],
    );
    assert.match((await caisson('log', 'export')).out, /^\{"number":6,/);

    // A beginning that somebody took away without a word.
    const archived = auditLog.archived.bind(auditLog);
    const read = auditLog.read.bind(auditLog);
    const [six] = await read({ after: 5, limit: 1 });
    auditLog.archived = async () => ({ number: 6, hash: six?.hash ?? '' });
    auditLog.read = async ({ after, limit }) => read({ after: Math.max(6, after), limit });
    const cut = await caisson('log', 'verify');
    assert.equal(cut.code, 1);
    assert.match(cut.err, /the entries up to 6 are missing, and no entry says who archived them/);
    Object.assign(auditLog, { archived, read });
    assert.equal((await caisson('log', 'verify')).code, 0);

    // An altered log is not archived: that would remove what proves it.
    const entry = await read({ after: 5, limit: 1 });
    auditLog.read = async (range) =>
      (await read(range)).map((each) => (each.number === entry[0]?.number ? { ...each, actor: 'user:eve' } : each));
    const altered = await caisson('log', 'archive', fileOf('altered'), '--before', '2020-04-01');
    assert.equal(altered.code, 1);
    assert.match(altered.err, /is not archived: entry 6 was altered/);
    assert.throws(() => statSync(fileOf('altered')), { code: 'ENOENT' });
  } finally {
    await daemon.close();
  }
});

test('the command line lists, exports and verifies; an altered export is found', async () => {
  const data = join(folder, 'data');
  const daemon = await startSimulatedDaemon({ socketPath: join(data, 'run/api.sock'), bootMs: 1, checkResponses: true });
  const caisson = async (...argv: string[]) => {
    const terminal = new Terminal({ env: { CAISSON_DATA: data } });
    const code = await runCli(argv, terminal);
    return { code, out: terminal.out, err: terminal.err };
  };
  try {
    const { engine } = daemon;
    const { uid } = await engine.applySite(sampleSite(1), { prune: false, deleteDisks: false, overwrite: false }, 'test');
    await engine.jobs.wait(uid);
    assert.equal((await caisson('guest', 'stop', 'guest-0')).code, 0);
    assert.equal((await caisson('guest', 'stop', 'guest-0')).code, 1);
    const listed = await waitFor(
      'the end of the job is in the log',
      async () => {
        const { out } = await caisson('log', 'list', '-o', 'json', '--object', 'guest/guest-0');
        const { items } = JSON.parse(out) as { items: { end?: { result: string }; outcome?: { result: string } }[] };
        return items.some(({ end }) => end) ? items : undefined;
      },
      { timeoutMs: 30_000 },
    );
    assert.deepEqual(
      listed.map(({ outcome, end }) => [outcome?.result, end?.result]),
      [
        ['refused', undefined],
        ['accepted', 'succeeded'],
      ],
    );
    assert.match((await caisson('log', 'list')).out, /guestStop guest\/guest-0 +refused \(not-allowed\) +guest “guest-0” is stopped/);
    const verified = await caisson('log', 'verify');
    assert.equal(verified.code, 0, verified.err);
    const head = /^head (\d+:[0-9a-f]{64})$/m.exec(verified.out)?.[1] ?? '';
    const exported = join(folder, 'export.jsonl');
    writeFileSync(exported, (await caisson('log', 'export')).out);
    assert.equal((await caisson('log', 'verify', exported, '--head', head)).code, 0);
    const forged = join(folder, 'forged.jsonl');
    writeFileSync(forged, readFileSync(exported, 'utf8').replace('"from":"unix"', '"from":"10.0.0.1"'));
    const found = await caisson('log', 'verify', forged);
    assert.equal(found.code, 1);
    assert.match(found.err, /was altered/);
    const short = join(folder, 'short.jsonl');
    writeFileSync(short, readFileSync(exported, 'utf8').split('\n').slice(0, -2).join('\n'));
    assert.match((await caisson('log', 'verify', short, '--head', head)).err, /whose hash was noted, is missing/);
  } finally {
    await daemon.close();
  }
});
