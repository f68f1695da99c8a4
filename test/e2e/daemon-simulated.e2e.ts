// A whole daemon over a fake world: engine, API and client together, and the program `daemon --simulate` itself.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, stat, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Client, createClient, pathOf } from '../../src/api/client.ts';
import { endpoints } from '../../src/api/endpoints.ts';
import { createNodeTransport, type NodeTransport } from '../../src/api/node-transport.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import type { Event } from '../../src/model/event.ts';
import type { Job } from '../../src/model/job.ts';
import { sampleSite } from '../daemon/sample-site.ts';

const main = join(import.meta.dirname, '../../src/daemon/main.ts');

let folder = '';
let daemon: SimulatedDaemon;
let transport: NodeTransport;
let client: Client;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-simulated-'));
  daemon = await startSimulatedDaemon({ socketPath: join(folder, 'run/api.sock'), bootMs: 20, checkResponses: true });
  transport = createNodeTransport({ socketPath: join(folder, 'run/api.sock') });
  client = createClient(transport);
});

after(async () => {
  transport.close();
  await daemon.close();
  await rm(folder, { recursive: true, force: true });
});

async function ended(job: Job): Promise<Job> {
  let last = job;
  for await (const state of client.stream('jobFollow', { params: { job: job.uid } })) last = state as Job;
  return last;
}

test('a site is applied, its guests become ready, and every answer is as the table says', async () => {
  const applied = await ended(await client.call('siteApply', { body: { site: sampleSite(3) } }));
  assert.equal(applied.state, 'succeeded', JSON.stringify(applied.error));
  const { items } = await client.call('guestList');
  assert.deepEqual(
    items.map(({ name, status }) => ({ name, power: status.power, ready: status.ready })),
    [0, 1, 2].map((index) => ({ name: `guest-${index}`, power: 'running', ready: true })),
  );
  assert.equal((await client.call('guestShow', { params: { guest: items[1]?.uid ?? '' } })).name, 'guest-1');
  assert.deepEqual((await client.call('siteShow')).site, sampleSite(3));
  assert.equal((await client.call('hostShow')).guests.ready, 3);
  assert.equal((await client.call('zoneList')).items[0]?.guests.length, 3);
  assert.ok((await client.call('imageList')).items.some(({ name }) => name === 'debian-12'));
  assert.ok((await client.call('jobList')).items.some(({ uid }) => uid === applied.uid));
  assert.ok((await client.call('eventList')).items.some(({ kind }) => kind === 'guest-ready'));
  const again = await ended(await client.call('siteApply', { body: { site: sampleSite(3) } }));
  assert.deepEqual((again.result as { changes: string[] }).changes, []);
});

test('events come as they happen, and what is stopped is stopped', async () => {
  const stop = new AbortController();
  const kinds: string[] = [];
  const following = (async () => {
    for await (const event of client.stream('eventFollow', {}, { signal: stop.signal })) {
      kinds.push((event as Event).kind);
      if ((event as Event).kind === 'guest-stopped') stop.abort();
    }
  })();
  await ended(await client.call('guestStop', { params: { guest: 'guest-0' } }));
  await following;
  assert.ok(kinds.includes('guest-stopped'), kinds.join());
  await assert.rejects(client.call('guestStop', { params: { guest: 'guest-0' } }), { code: 'not-allowed', message: /is stopped/ });
  await assert.rejects(client.call('guestShow', { params: { guest: 'gues-0' } }), { code: 'not-found' });
});

test('the console speaks', async () => {
  const stream = await transport.openWebSocket(pathOf(endpoints.guestConsole, { guest: 'guest-1' }, { history: 100 }));
  let said = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    said += chunk.toString();
    if (said === 'tiny guest: up\r\n') stream.write('hello\n');
    if (said.endsWith('hello\n')) break;
  }
  assert.equal(said, 'tiny guest: up\r\nhello\n');
});

test('events are told of one thing alone: of a guest by name or uid, of an image, of the site; live too', async () => {
  const { uid } = await client.call('guestShow', { params: { guest: 'guest-1' } });
  const of = async (object: string) => (await client.call('eventList', { query: { object, limit: 1000 } })).items;
  const byName = await of('guest:guest-1');
  assert.ok(byName.some(({ kind }) => kind === 'guest-ready'));
  assert.ok(byName.every((event) => event.object === `guest/${uid}`));
  assert.deepEqual(await of(`guest:${uid}`), byName);
  assert.deepEqual(await of(`guest/${uid}`), byName);
  assert.ok((await of('site')).some(({ kind }) => kind === 'job-succeeded'));
  assert.ok((await of('image:debian-12')).every((event) => event.object === 'image/debian-12'));
  await assert.rejects(of('guest:nobody'), /no guest is called “nobody”/);
  await assert.rejects(of('moon'), /guest:NAME, image:NAME/);
  const after = (await client.call('eventList')).items.at(-1)?.id ?? 0;
  for (const name of ['guest-0', 'guest-1'])
    await ended(await client.call('guestReboot', { params: { guest: name }, body: { force: true } }));
  const told: Event[] = [];
  const signal = AbortSignal.timeout(60_000);
  for await (const event of client.stream('eventFollow', { query: { after, object: 'guest:guest-1' } }, { signal })) {
    told.push(event as Event);
    if ((event as Event).kind === 'job-succeeded') break;
  }
  assert.ok(told.some(({ kind }) => kind === 'guest-rebooted'));
  assert.deepEqual([...new Set(told.map(({ object }) => object))], [`guest/${uid}`]);
});

test('a daemon that comes after another finds its guests running and starts nothing again', async () => {
  const world = createSimulatedWorld({ seed: 2 });
  const socketPath = join(folder, 'run/second.sock');
  const first = await startSimulatedDaemon({ socketPath, world, bootMs: 20 });
  const own = createNodeTransport({ socketPath });
  const ask = createClient(own);
  try {
    const { uid } = await ask.call('siteApply', { body: { site: sampleSite(2) } });
    for await (const _ of ask.stream('jobFollow', { params: { job: uid } }));
    const pids = (await ask.call('guestList')).items.map(({ status }) => status.pid);
    await first.close();
    const second = await startSimulatedDaemon({ socketPath, world, bootMs: 20 });
    try {
      const { items } = await ask.call('guestList');
      assert.deepEqual(
        items.map(({ status }) => status.pid),
        pids,
      );
      assert.ok(items.every(({ status }) => status.power === 'running'));
    } finally {
      await second.close();
    }
  } finally {
    own.close();
  }
});

test('the program says where it listens, answers, and ends with 0 when asked to', async () => {
  const data = join(folder, 'data');
  const child = spawn(process.execPath, [main, '--simulate', '--data', data, '--listen', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
  try {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await waitFor('it says where it listens, and how to begin', () => /^set-up .*\n/m.test(said), { timeoutMs: 60_000 });
    const [, unix, http, first] =
      /^ready unix:(\S+) (http:\/\/127\.0\.0\.1:\d+)\nset-up (\S+)#\/set-up\/caisson_setup_[\w-]{43}\n$/.exec(said) ?? assert.fail(said);
    assert.equal(first, `${http}/`);
    assert.equal(unix, join(data, 'run/api.sock'));
    assert.equal((await stat(join(data, 'api-token'))).mode & 0o777, 0o600);
    const token = (await readFile(join(data, 'api-token'), 'utf8')).trim();
    const over = createNodeTransport({ url: http ?? '', token });
    assert.equal((await createClient(over).call('hostShow')).name, 'simulated');
    over.close();
    child.kill('SIGTERM');
    assert.equal(await exited, 0);
  } finally {
    child.kill('SIGKILL');
  }
});

for (const [what, args, says, code] of [
  ['an unknown option', ['--simulate', '--nonsense'], /--nonsense/, 2],
  [
    'a certificate that is not there',
    ['--simulate', '--listen', '0.0.0.0:0', '--tls-cert', '/none.pem', '--tls-key', '/none.pem'],
    /none\.pem cannot be read/,
    1,
  ],
  ['nobody to give it the helper’s channel', [], /caisson daemon/, 1],
] as const) {
  test(`the program refuses ${what}`, async () => {
    const child = spawn(process.execPath, [main, ...args, '--data', join(folder, 'refused')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    assert.equal(await new Promise((resolve) => child.on('close', resolve)), code);
    assert.match(said, says);
    assert.doesNotMatch(said, /\n\s+at /);
  });
}
