// A request that is sent again with its key is done once: at the same time, later, after the daemon was killed.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RequestKeys } from '../../src/daemon/http/request-keys.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Job } from '../../src/model/job.ts';
import { openSqliteJournal } from '../../src/store/sqlite/sqlite-journal.ts';
import { ask, HttpTrial, problemOf } from '../daemon/http-trial.ts';
import { sampleJob } from '../daemon/sample-handlers.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-keys-'));
const path = join(folder, 'journal.sqlite');
let trial: HttpTrial;
before(async () => {
  trial = await HttpTrial.open();
});
after(async () => {
  await trial.close();
  rmSync(folder, { recursive: true, force: true });
});

test('the same request with the same key begins one job, and another request with it is refused', async () => {
  const journal = await openSqliteJournal({ path, expectExisting: false });
  let begun = 0;
  let isBroken = true;
  const job: Job = sampleJob('Stop guest web');
  const gate = Promise.withResolvers<void>();
  const handlers = {
    guestStop: async () => {
      if (isBroken) throw new CaissonError('not-allowed', 'guest “web” is stopped');
      begun++;
      await gate.promise;
      return job;
    },
    jobShow: async ({ params }: { params: { job: string } }) => {
      assert.equal(params.job, job.uid);
      return { ...job, state: 'succeeded' as const };
    },
    jobCancel: async () => job,
  };
  const site = await trial.serve(handlers, {}, { requestKeys: new RequestKeys(journal, systemClock) });
  const stop = (key: string, guest = 'web') =>
    ask(site, { method: 'POST', path: `/v1/guests/${guest}/stop`, headers: { 'idempotency-key': key } });

  assert.equal((await stop('a')).status, 409, 'refused: nothing was begun');
  isBroken = false;
  const first = stop('a');
  const second = await (async () => {
    for (;;) {
      const answer = await stop('a');
      if (begun > 0) return answer;
    }
  })();
  assert.equal(second.status, 409);
  assert.match(problemOf(second).detail, /is being done/);
  gate.resolve();
  assert.equal((await first).status, 202);
  const again = await stop('a');
  assert.equal(again.status, 202);
  assert.equal(again.headers['location'], `/v1/jobs/${job.uid}`);
  assert.equal((JSON.parse(again.text) as Job).state, 'succeeded', 'as the job is now');
  assert.equal(begun, 1);
  const other = await stop('a', 'mail');
  assert.equal(other.status, 422);
  assert.match(problemOf(other).detail, /with another request/);
  assert.equal((await stop('b')).status, 202);
  assert.equal(begun, 2);
  for (const key of ['', 'a b', 'x'.repeat(129)]) assert.equal((await stop(key)).status, 400, key);
  const cancel = await ask(site, { method: 'POST', path: `/v1/jobs/${job.uid}/cancel`, headers: { 'idempotency-key': 'c' } });
  assert.equal(cancel.status, 400);
  await journal.close();
});

test('a daemon that comes after it knows the keys; what was under way when the other was killed is not done again unasked', async () => {
  const before = await openSqliteJournal({ path, expectExisting: true });
  const asked = ['POST', '/v1/guests/web/start', null];
  const never = new RequestKeys(before, systemClock).once(
    { actor: 'local', key: 'cut', asked },
    () => new Promise(() => {}),
    () => assert.fail(),
  );
  never.catch(() => undefined);
  await before.close();
  const journal = await openSqliteJournal({ path, expectExisting: true });
  let begun = 0;
  const site = await trial.serve(
    {
      guestStop: async () => (begun++, sampleJob('x')),
      guestStart: async () => (begun++, sampleJob('x')),
      jobShow: async () => sampleJob('x'),
    },
    {},
    { requestKeys: new RequestKeys(journal, systemClock) },
  );
  const send = (verb: string, key: string) =>
    ask(site, { method: 'POST', path: `/v1/guests/web/${verb}`, headers: { 'idempotency-key': key } });
  assert.equal((await send('stop', 'a')).status, 202);
  const cut = await send('start', 'cut');
  assert.equal(cut.status, 409, cut.text);
  assert.match(problemOf(cut).detail, /daemon ended before it was known.*look at the jobs/);
  assert.equal(begun, 0);
  await journal.close();
});
