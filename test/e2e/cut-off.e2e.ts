// A connection that is cut in the middle of a request: whoever sent it sends it again by itself, and what it asks for is begun once, wherever the cut was.
// e2e: limit 5 min
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { type Client, createClient, forOneIntention, staleOf } from '../../src/api/client.ts';
import { createNodeTransport, type NodeTransport } from '../../src/api/node-transport.ts';
import { newKey } from '../../src/api/send-again.ts';
import type { CutOff } from '../../src/api/transport.ts';
import { runCli } from '../../src/cli/run-cli.ts';
import { type SimulatedDaemon, startSimulatedDaemon, createSimulatedWorld } from '../../src/daemon/simulate.ts';
import type { CaissonError } from '../../src/lib/errors.ts';
import { Terminal } from '../cli/terminal.ts';
import { sampleSite } from '../daemon/sample-site.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-cut-'));
const daemonSocket = join(folder, 'run/api.sock');
const proxySocket = join(folder, 'proxy.sock');
const world = createSimulatedWorld();
let daemon: SimulatedDaemon;
let proxy: Server;
let transport: NodeTransport;
let client: Client;
/** Where the next connections are cut, one each; then they pass. */
let cuts: Cut[] = [];
const connections: Socket[] = [];

/** `before`: nothing of the request reaches the daemon; `within`: its first half does; `after`: all of it does, and nothing of the answer comes back. */
type Cut = 'before' | 'within' | 'after';

function pass(from: Socket): void {
  const cut = cuts.shift();
  connections.push(from);
  from.on('error', () => {});
  if (cut === 'before') {
    from.once('data', () => from.destroy());
    return;
  }
  const to = connect(daemonSocket);
  to.on('error', () => from.destroy());
  from.on('close', () => to.destroy());
  to.on('close', () => from.destroy());
  if (cut === 'within') {
    from.once('data', (chunk) => {
      to.write(chunk.subarray(0, chunk.length >> 1), () => {
        from.destroy();
      });
    });
    return;
  }
  from.pipe(to);
  if (cut === 'after') to.once('data', () => from.destroy());
  else to.pipe(from);
}

before(async () => {
  daemon = await startSimulatedDaemon({ socketPath: daemonSocket, world, bootMs: 1 });
  proxy = createServer(pass);
  await new Promise<void>((resolve) => proxy.listen(proxySocket, resolve));
  transport = createNodeTransport({ socketPath: proxySocket });
  client = createClient(transport);
  await daemon.engine.jobs.wait((await client.call('siteApply', { body: { site: sampleSite(2) } })).uid);
});
afterEach(() => {
  cuts = [];
  // So that the next request makes a connection of its own.
  for (const connection of connections.splice(0)) connection.destroy();
});
after(async () => {
  transport.close();
  for (const connection of connections) connection.destroy();
  proxy.close();
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

async function jobsOf(kind: string): Promise<string[]> {
  return (await daemon.engine.jobs.list()).filter((job) => job.kind === kind).map(({ uid }) => uid);
}

for (const cut of ['before', 'within', 'after'] as const) {
  test(`a request cut ${cut} it has arrived begins one job`, async () => {
    const known = await jobsOf('guest-reboot');
    cuts = [cut];
    for (const connection of connections.splice(0)) connection.destroy();
    const job = await client.call('guestReboot', { params: { guest: 'guest-0' }, body: { force: true } });
    assert.equal((await daemon.engine.jobs.wait(job.uid)).state, 'succeeded');
    assert.equal(cuts.length, 0, 'it was cut');
    assert.deepEqual(
      (await jobsOf('guest-reboot')).filter((uid) => !known.includes(uid)),
      [job.uid],
    );
  });
}

test('cut again and again, and while the daemon is another one, it is still one job', async () => {
  const known = await jobsOf('guest-reboot');
  cuts = ['after', 'within', 'after', 'before'];
  const job = await client.call('guestReboot', { params: { guest: 'guest-0' }, body: { force: true } });
  assert.equal((await daemon.engine.jobs.wait(job.uid)).state, 'succeeded');
  const key = newKey();
  const intention = forOneIntention(client, key);
  const first = await intention.call('guestReboot', { params: { guest: 'guest-1' }, body: { force: true } });
  await daemon.engine.jobs.wait(first.uid);
  await daemon.close();
  daemon = await startSimulatedDaemon({ socketPath: daemonSocket, world, bootMs: 1 });
  const again = await intention.call('guestReboot', { params: { guest: 'guest-1' }, body: { force: true } });
  assert.equal(again.uid, first.uid);
  assert.equal((await jobsOf('guest-reboot')).length - known.length, 2);
});

test('who never gets through is told that nobody knows, and what never left is not tried again', async () => {
  cuts = Array.from({ length: 1000 }, () => 'before' as const);
  const short = createClient(transport, { againForMs: 300 });
  await assert.rejects(short.call('guestReboot', { params: { guest: 'guest-0' }, body: { force: true } }), (error: CaissonError) => {
    assert.equal(error.code, 'unavailable');
    assert.match(error.message, /was cut, and it is not known whether the request arrived: look at the jobs/);
    return true;
  });
  const nobody = createNodeTransport({ socketPath: join(folder, 'nobody.sock') });
  await assert.rejects(
    createClient(nobody).call('guestReboot', { params: { guest: 'guest-0' }, body: { force: true } }),
    /does not answer: it is not running/,
  );
});

test('what is not a job is not sent again: its second try could be another thing', async () => {
  cuts = ['before'];
  await assert.rejects(client.call('userAdd', { body: { name: 'anna' } }), (error: CutOff) => error.code === 'unavailable');
  assert.equal((await client.call('userList')).items.length, 0);
});

test('the command line does so too, and goes on with the job', async () => {
  const known = await jobsOf('guest-reboot');
  cuts = ['after'];
  const terminal = new Terminal({ env: { HOME: folder } });
  const code = await runCli(['guest', 'reboot', 'guest-0', '--force', '--url', `unix:${proxySocket}`], terminal);
  assert.equal(code, 0, terminal.written.map(({ text }) => text).join(''));
  assert.equal((await jobsOf('guest-reboot')).length - known.length, 1);
});

test('what the difference was made from is what is changed: who was overtaken is told by what, and asked to look again', async () => {
  const { tag } = await client.see('sitePlan', { body: { site: sampleSite(2) } });
  const change = await client.call('guestSet', { params: { guest: 'guest-1' }, body: { cpus: 3 } });
  await daemon.engine.jobs.wait(change.uid);
  await assert.rejects(client.call('siteApply', { body: { site: sampleSite(2) } }, { seen: tag }), (error: CaissonError) => {
    assert.deepEqual(staleOf(error), [{ part: 'guest guest-1', change: 'changed' }]);
    return true;
  });
  const now = await client.see('sitePlan', { body: { site: sampleSite(2) } });
  assert.notEqual(now.tag, tag);
  await daemon.engine.jobs.wait((await client.call('siteApply', { body: { site: sampleSite(2) } }, { seen: now.tag })).uid);
});
