// Who writes what somebody else has changed meanwhile is told so, and nothing is overwritten.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { sampleSite } from '../daemon/sample-site.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-stale-'));
const socketPath = join(folder, 'run/api.sock');
const world = createSimulatedWorld();
let daemon: SimulatedDaemon;

before(async () => {
  daemon = await startSimulatedDaemon({ socketPath, world, bootMs: 1 });
  await ended(await ask('PUT', '/v1/site', { site: sampleSite(3) }));
});
after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Answer {
  status: number;
  etag: string;
  body: { uid?: string; detail?: string; code?: string };
}

function ask(method: string, path: string, body?: unknown, ifMatch?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { 'content-type': 'application/json', ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) };
  const outgoing = request({ socketPath, method, path, headers, agent: false }, (response) => {
    let text = '';
    response.on('data', (chunk: Buffer) => (text += chunk.toString()));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, etag: response.headers.etag ?? '', body: JSON.parse(text) as Answer['body'] }),
    );
  });
  outgoing.on('error', reject);
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

async function ended({ body, status }: Answer): Promise<void> {
  assert.equal(status, 202, JSON.stringify(body));
  const job = await daemon.engine.jobs.wait(body.uid ?? '');
  assert.equal(job.state, 'succeeded', JSON.stringify(job.error));
}

test('a site that somebody else has changed is not overwritten, and what was changed is said', async () => {
  const seen = (await ask('GET', '/v1/site')).etag;
  assert.match(seen, /^"[\w-]{22}"$/);
  await ended(await ask('POST', '/v1/guests/guest-1/set', { cpus: 2 }));
  const stale = await ask('PUT', '/v1/site', { site: sampleSite(3) }, seen);
  assert.equal(stale.status, 412);
  assert.equal(stale.body.code, 'conflict');
  assert.match(stale.body.detail ?? '', /since you have seen it: guest guest-1 was changed; nothing was changed now/);
  const { etag } = await ask('GET', '/v1/site');
  assert.equal(stale.etag, etag);
  const site = sampleSite(3);
  Object.assign(site.guests['guest-1'] ?? {}, { cpus: 2 });
  await ended(await ask('PUT', '/v1/site', { site }, etag));
});

test('starting and stopping changes no version, and neither does another daemon', async () => {
  const before = await ask('GET', '/v1/guests/guest-0');
  const site = await ask('GET', '/v1/site');
  await ended(await ask('POST', '/v1/guests/guest-0/stop'));
  assert.equal((await ask('GET', '/v1/guests/guest-0')).etag, before.etag);
  await daemon.close();
  daemon = await startSimulatedDaemon({ socketPath, world, bootMs: 1 });
  assert.equal((await ask('GET', '/v1/guests/guest-0')).etag, before.etag);
  assert.equal((await ask('GET', '/v1/site')).etag, site.etag);
});

test('a guest that somebody else has renamed or resized is left as it is', async () => {
  const { etag } = await ask('GET', '/v1/guests/guest-2');
  await ended(await ask('POST', '/v1/guests/guest-2/set', { cpus: 3 }, etag));
  const stale = await ask('PATCH', '/v1/guests/guest-2', { name: 'other' }, etag);
  assert.equal(stale.status, 412);
  assert.match(stale.body.detail ?? '', /its cpus was changed/);
  assert.equal((await ask('DELETE', '/v1/guests/guest-2', undefined, '"an-old-one"')).status, 412);
  assert.equal((await ask('PATCH', '/v1/guests/guest-2', { name: 'other' }, 'nonsense')).status, 400);
  assert.equal((await ask('POST', '/v1/guests/guest-2/stop', {}, etag)).status, 400, 'what has no version says so');
  await ended(await ask('PATCH', '/v1/guests/guest-2', { name: 'other' }, '*'));
});

test('zones, images and users have versions, too', async () => {
  const [zoneName] = Object.keys(sampleSite(3).zones);
  const before = await ask('GET', `/v1/zones/${zoneName}`);
  assert.match(before.etag, /^"[\w-]{22}"$/);
  const { body } = await ask('GET', '/v1/site');
  const { site } = body as unknown as { site: { zones: Record<string, { description?: string }> } };
  Object.assign(site.zones[zoneName ?? ''] ?? {}, { description: 'another one' });
  await ended(await ask('PUT', '/v1/site', { site }));
  assert.notEqual((await ask('GET', `/v1/zones/${zoneName}`)).etag, before.etag);

  await ended(await ask('POST', '/v1/images', { name: 'mine', source: { file: '/srv/mine.qcow2' } }));
  const image = await ask('GET', '/v1/images/mine');
  assert.match(image.etag, /^"[\w-]{22}"$/);
  await ended(await ask('DELETE', '/v1/images/mine'));
  await ended(await ask('POST', '/v1/images', { name: 'mine', source: { file: '/srv/other.qcow2' } }));
  const stale = await ask('DELETE', '/v1/images/mine', undefined, image.etag);
  assert.equal(stale.status, 412);
  assert.match(stale.body.detail ?? '', /its file was changed/);
  await ended(await ask('DELETE', '/v1/images/mine', undefined, (await ask('GET', '/v1/images/mine')).etag));
  assert.equal((await ask('GET', '/v1/images/mine')).status, 404);

  assert.equal((await ask('POST', '/v1/users', { name: 'anna' })).status, 200);
  const user = await ask('GET', '/v1/users/anna');
  assert.equal((await ask('PATCH', '/v1/users/anna', { bindings: [{ role: 'viewer', on: 'site' }] }, user.etag)).status, 200);
  const late = await ask('PATCH', '/v1/users/anna', { bindings: [] }, user.etag);
  assert.equal(late.status, 412);
  assert.match(late.body.detail ?? '', /its bindings was changed/);
});

test('the difference tells the version that it was made from', async () => {
  const plan = await ask('POST', '/v1/site/plan', { site: sampleSite(3) });
  assert.equal(plan.etag, (await ask('GET', '/v1/site')).etag);
  assert.equal((await ask('POST', '/v1/site/plan', { site: sampleSite(3) }, plan.etag)).status, 400, 'it changes nothing');
});
