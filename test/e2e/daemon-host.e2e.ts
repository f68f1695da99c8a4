// The daemon of a real host, started as everybody starts it: where it listens, who it is, how it ends, and that its data are
// never made anew.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, renameSync, rmSync, statSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { type Client, createClient } from '../../src/api/client.ts';
import { fetchAuthority } from '../../src/api/fetch-authority.ts';
import { createNodeTransport, type DaemonAddress, type NodeTransport } from '../../src/api/node-transport.ts';
import { waitFor } from '../../src/lib/wait-for.ts';

const launcher = join(import.meta.dirname, '../../bin/caisson');
const netns = 'cst-daemon-host';

interface Started {
  helper: ChildProcess;
  /** Pid of the daemon. */
  daemon: number;
  socketPath: string;
  url: string;
  said: () => string;
  /** Exit code, or the signal's name. */
  exited: Promise<number | string>;
}

let data = '';
let current: ChildProcess | undefined;
const transports: NodeTransport[] = [];

before(() => {
  data = mkdtempSync(join(tmpdir(), 'caisson-host-'));
});

afterEach(() => {
  for (const transport of transports.splice(0)) transport.close();
  current?.kill('SIGKILL');
});

after(async () => {
  await waitFor('the daemon is gone', () => !isListed(data), { timeoutMs: 60_000 });
  execFileSync(launcher, ['daemon', '--data', data, '--netns', netns, '--teardown'], { stdio: 'inherit' });
  rmSync(data, { recursive: true, force: true });
});

/** Starts, and waits until it says that it is ready; rejects with all that was said when it ends before. */
function start(...args: string[]): Promise<Started> {
  const helper = spawn(launcher, ['daemon', '--data', data, '--netns', netns, '--listen', '127.0.0.1:0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  current = helper;
  let said = '';
  const { promise: exited, resolve: exit } = Promise.withResolvers<number | string>();
  const { promise, resolve, reject } = Promise.withResolvers<Started>();
  helper.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  helper.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const [, socketPath, url] = /^ready unix:(\S+) (\S+)(?: \S+)*$/m.exec(said) ?? [];
    const daemon = Number(/"daemon":(\d+)/.exec(said)?.[1]);
    if (socketPath !== undefined && url !== undefined) resolve({ helper, daemon, socketPath, url, said: () => said, exited });
  });
  helper.on('close', (code, signal) => {
    exit(code ?? signal ?? 'nothing');
    reject(new Error(`it ended with ${code ?? signal}: ${said}`));
  });
  return promise;
}

function clientOf(address: DaemonAddress): Client {
  const transport = createNodeTransport(address);
  transports.push(transport);
  return createClient(transport);
}

function isListed(text: string): boolean {
  return execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    .split('\n')
    .some((line) => line.includes('daemon.js') && line.includes(text));
}

test('it serves as an ordinary user in the guests’ network, on its socket without and on TCP with the token', async () => {
  const { daemon, socketPath, url, said } = await start();
  // The first start of this data directory tells how to begin, on standard output alone.
  await waitFor('it says how to begin', () => /^set-up (\S+)#\/set-up\/caisson_setup_[\w-]{43}$/m.exec(said())?.[1] === `${url}/`, {
    timeoutMs: 10_000,
  });
  const status = readFileSync(`/proc/${daemon}/status`, 'latin1');
  assert.match(status, new RegExp(`^Uid:\\t${execFileSync('id', ['-u', 'caisson'], { encoding: 'utf8' }).trim()}\\t`, 'm'));
  assert.match(status, /^CapEff:\t0+$/m);
  assert.equal(readlinkSync(`/proc/${daemon}/ns/net`), `net:[${statSync(`/run/netns/${netns}`).ino}]`);
  assert.equal(statSync(socketPath).mode & 0o777, 0o660);
  assert.equal((await clientOf({ socketPath }).call('hostShow')).network.namespace, netns);
  // The listening address is of the host's own network, where this test is.
  await assert.rejects(clientOf({ url }).call('hostShow'), { code: 'unauthorized' });
  const token = join(data, 'api-token');
  assert.equal(statSync(token).mode & 0o777, 0o600);
  assert.equal((await clientOf({ url, token: readFileSync(token, 'utf8').trim() }).call('hostShow')).dataDirectory, data);
});

test('asked to end it ends with 0, and the next one remembers', async () => {
  const first = await start();
  first.helper.kill('SIGTERM');
  assert.equal(await first.exited, 0);
  assert.equal(existsSync(join(data, 'run/api.sock')), false);
  const { socketPath } = await start();
  const kinds = (await clientOf({ socketPath }).call('eventList')).items.map(({ kind }) => kind);
  assert.ok(kinds.includes('daemon-ended'), kinds.join());
  assert.equal(kinds.at(-1), 'daemon-started');
});

test('the set-up link of the first start makes an administrator after a restart too; users and sessions outlive a kill', async () => {
  const first = await start();
  const link = await clientOf({ socketPath: first.socketPath }).call('setUpLink');
  assert.equal(link.links.length, 1);
  first.helper.kill('SIGTERM');
  await first.exited;
  const second = await start();
  assert.doesNotMatch(second.said(), /^set-up /m);
  const nobody = clientOf({ url: second.url });
  const password = 'four words of this test';
  await nobody.call('setUp', { body: { secret: link.secret, user: 'ada', password } });
  const { token } = await nobody.call('login', { body: { user: 'ada', password, as: 'token' } });
  process.kill(second.daemon, 'SIGKILL');
  await second.exited;
  const { socketPath, url } = await start();
  assert.equal((await clientOf({ url, token }).call('meShow')).actor, 'user:ada');
  const file = readFileSync(join(data, 'api-token'), 'utf8').trim();
  await assert.rejects(clientOf({ url, token: file }).call('meShow'), { code: 'unauthorized', message: /since there are users/ });
  // The rest of this file finds it as it was.
  await clientOf({ socketPath }).call('userDelete', { params: { user: 'ada' } });
  await assert.rejects(clientOf({ url, token }).call('meShow'), { code: 'unauthorized' });
  assert.equal((await clientOf({ url, token: file }).call('meShow')).actor, 'token');
});

test('killed, it takes the helper along, and the next one takes its socket over', async () => {
  const first = await start();
  process.kill(first.daemon, 'SIGKILL');
  assert.notEqual(await first.exited, 0);
  const second = await start();
  assert.equal(typeof (await clientOf({ socketPath: second.socketPath }).call('hostShow')).uid, 'string');
});

test('when the helper is killed it ends by itself and says why', async () => {
  const { helper, daemon, said } = await start();
  helper.kill('SIGKILL');
  await waitFor('the daemon ends', () => !existsSync(`/proc/${daemon}/exe`) || !isListed(data), { timeoutMs: 60_000 });
  await waitFor('it has said why', () => said().includes('the helper is gone'), { timeoutMs: 60_000 });
});

test('a second one for the same data is refused, and the first goes on', async () => {
  const first = await start();
  await assert.rejects(start(), /it ended with 1: .*(another|already)/s);
  current = first.helper;
  assert.equal((await clientOf({ socketPath: first.socketPath }).call('hostShow')).dataDirectory, data);
});

for (const name of ['store.sqlite', 'journal.sqlite', 'audit-log.sqlite']) {
  test(`without its ${name} it refuses to start, and makes no new one`, async () => {
    const first = await start();
    first.helper.kill('SIGTERM');
    await first.exited;
    const path = join(data, name);
    renameSync(path, `${path}.away`);
    await assert.rejects(start(), new RegExp(`it ended with 1: .*${name}`, 's'));
    assert.equal(existsSync(path), false);
    renameSync(`${path}.away`, path);
    await start();
  });
}

test('for others it listens with a certificate for the host’s names, made by the host, and a given one is taken in its place', async () => {
  const first = await start('--listen', '0.0.0.0:0', '--tls-name', 'vm.lab.example');
  const port = /^ready .* https:\/\/0\.0\.0\.0:(\d+)$/m.exec(first.said())?.[1] ?? '';
  const shown = await clientOf({ socketPath: first.socketPath }).call('hostCertificate');
  for (const name of ['localhost', '127.0.0.1', 'vm.lab.example', hostname().toLowerCase()]) assert.ok(shown.names.includes(name), name);
  const { pem } = await fetchAuthority(`https://127.0.0.1:${port}`, { fingerprint: shown.authority?.fingerprint ?? '' });
  const token = readFileSync(join(data, 'api-token'), 'utf8').trim();
  const address = { url: `https://127.0.0.1:${port}`, token, authority: pem };
  assert.equal((await clientOf(address).call('hostShow')).dataDirectory, data);
  assert.equal(statSync(join(data, 'tls/ca-key.pem')).mode & 0o777, 0o600);
  first.helper.kill('SIGTERM');
  await first.exited;
  const given = ['--tls-cert', join(data, 'given.pem'), '--tls-key', join(data, 'given-key.pem')];
  await assert.rejects(start('--listen', '0.0.0.0:0', ...given), /given\.pem cannot be read/);
  await assert.rejects(start('--listen', '0.0.0.0:0', ...given.slice(0, 2)), /--tls-cert and --tls-key belong together/);
});

test('proofs for a certificate by ACME are shown on a socket of the host’s own; a directory that is not there keeps nobody out', async () => {
  const acme = ['--acme-directory', 'https://127.0.0.1:1/dir', '--acme-name', 'room-1.example.org'];
  const { helper, socketPath, said, exited } = await start('--listen', '0.0.0.0:0', '--acme-listen', '127.0.0.1:0', ...acme);
  const port = /"port":(\d+),"acme":true/.exec(said())?.[1] ?? '';
  const answer = await fetch(`http://127.0.0.1:${port}/v1/guests`);
  assert.deepEqual([answer.status, await answer.text()], [404, 'The console is at HTTPS.\n']);
  const client = clientOf({ socketPath });
  await waitFor('the try has failed', async () => (await client.call('hostCertificate')).acme?.problem !== undefined, {
    timeoutMs: 120_000,
  });
  const shown = await client.call('hostCertificate');
  assert.match(shown.acme?.problem ?? '', /127\.0\.0\.1:1 could not be asked/);
  assert.ok(shown.authority);
  helper.kill('SIGTERM');
  assert.equal(await exited, 0);
  await assert.rejects(start('--acme-listen', '127.0.0.1:0', ...acme), /an address that others can reach/);
});

test('the host is examined from its own network, as the daemon’s user, when somebody asks, and not before', async () => {
  const { socketPath, helper, exited } = await start();
  const client = clientOf({ socketPath });
  assert.deepEqual(await client.call('hostExamination'), { items: [] });
  const begun = await client.call('hostExamine', {});
  await waitFor('it is examined', async () => (await client.call('jobShow', { params: { job: begun.uid } })).state !== 'running', {
    timeoutMs: 120_000,
    everyMs: 200,
  });
  const job = await client.call('jobShow', { params: { job: begun.uid } });
  assert.equal(job.state, 'succeeded', job.error?.message);
  const { examinedAt, items } = await client.call('hostExamination');
  assert.equal(examinedAt, job.endedAt);
  const of = (name: string) => items.find((check) => check.name === name) ?? assert.fail(`no check ${name}`);
  assert.equal(of('qemu').verdict, 'ok', of('qemu').found);
  assert.equal(of('nftables').unchecked, true, 'never as root');
  for (const { name, verdict, mend } of items) assert.ok(verdict === 'ok' || mend, `${name} says how to mend it`);
  helper.kill('SIGTERM');
  assert.equal(await exited, 0);
});
