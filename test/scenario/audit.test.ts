// The audit of a simulated site, as the command line tells it, and what it makes of guests and processes that are not as they should be.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import { type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import type { Audit } from '../../src/model/audit.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import { Terminal } from '../cli/terminal.ts';

const text = `
version: 1
site: lab
zones:
  external: { subnets: [192.0.2.0/24], uplink: { interface: eth1, gateway: 192.0.2.1 } }
  internal: { subnets: [10.20.0.0/16] }
flows:
  - { from: world, to: web, allow: [tcp/80] }
  - { from: web, to: database, allow: [tcp/3306], comment: the only way in }
guests:
  database: { image: debian-12, zone: internal, memory: 128MiB, disks: { root: 2GiB }, service: { ports: [tcp/3306] } }
  web: { image: debian-12, zone: external, addresses: [192.0.2.10], memory: 128MiB, disks: { root: 2GiB }, service: { ports: [tcp/80] } }
`;
const head = '  sl  local_address rem_address   st tx_queue rx_queue\n';
const listening = (...ports: number[]) =>
  head +
  ports.map((port, index) => `   ${index}: 00000000:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A 0:0\n`).join('');
const tables = (...ports: number[]) => ({ '/proc/net/tcp': listening(...ports), '/proc/net/udp': head });

let folder: string;
let daemon: SimulatedDaemon;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-audit-'));
  daemon = await startSimulatedDaemon({ socketPath: join(folder, 'run/api.sock'), bootMs: 5, checkResponses: true });
});
afterEach(async () => {
  await daemon.close();
  await rm(folder, { recursive: true });
});

async function apply(): Promise<void> {
  const parsed = parseSiteFile(text, () => undefined);
  assert.ok('site' in parsed);
  const job = await daemon.engine.applySite(parsed.site, { prune: false, deleteDisks: false, overwrite: false }, 'test');
  assert.equal((await daemon.engine.jobs.wait(job.uid)).state, 'succeeded');
  behave('web', { files: tables(80) });
  behave('database', { files: tables(3306) });
}

function behave(name: string, behaviour: Parameters<typeof daemon.world.host.behave>[1]): void {
  const { uid } = daemon.engine.guests().find((guest) => guest.name === name) ?? assert.fail(name);
  daemon.world.host.behave(uid, behaviour);
}

async function caisson(...argv: string[]): Promise<{ exit: number; stdout: string; stderr: string }> {
  const terminal = new Terminal({ env: { CAISSON_DATA: folder } });
  const exit = await runCli(argv, terminal);
  const said = (to: string) => terminal.written.flatMap((each) => (each.to === to ? [each.text] : [])).join('');
  return { exit, stdout: said('stdout'), stderr: said('stderr') };
}

async function findings(): Promise<string[]> {
  const { rules } = JSON.parse((await caisson('audit', '-o', 'json')).stdout) as Audit;
  return Object.values(rules).flatMap((rule) => rule.findings.map(({ code, about }) => [code, ...about].join(' ')));
}

test('a sound site: each rule with its evidence; what was never checked is not shown, and that is the exit code', async () => {
  await apply();
  const { exit, stdout } = await caisson('audit');
  assert.equal(exit, 1);
  assert.match(stdout, /^1\. Two zones .*: holds$/m);
  assert.match(stdout, /^2\. Watertight machines: holds, with weaknesses$/m);
  assert.match(stdout, /Software emulation \(TCG\) runs database and web\./);
  assert.match(stdout, /^3\. One important service.*: holds$/m);
  assert.match(stdout, /^4\. Filtering .*: not shown$/m);
  assert.match(stdout, /web → database: tcp\/3306 +the only way in/);
  assert.match(stdout, /database tcp\/3306 +web\n/);
  assert.match(stdout, /database +web\n$/);
  assert.deepEqual(await findings(), ['emulated database web', 'never-checked', 'filtering-not-shown']);
});

test('with a check before it the filtering is judged by what was found', async () => {
  await apply();
  const shown = await caisson('audit', '--check', '--language', 'fr');
  assert.equal(shown.exit, 0);
  assert.match(shown.stderr, /from zone:internal/);
  assert.match(shown.stdout, /^4\. Du filtrage .*: respectée$/m);
  // The guests of a simulation have no program to try with: without probes the check can tell nothing.
  daemon.prober.failOpen = () => new CaissonError('failed', 'no network namespace');
  const { exit, stdout } = await caisson('audit', '--check', '--language', 'fr');
  assert.equal(exit, 1);
  assert.match(stdout, /^4\. Du filtrage .*: non démontrée$/m);
  assert.match(stdout, /La dernière vérification n’a pas pu tout établir/);
});

test('written into a file: a page, Markdown, or a table without colours', async () => {
  await apply();
  for (const [format, beginning] of [
    ['html', '<!doctype html>\n<html lang="fr">'],
    ['markdown', '# Audit de sécurité du site lab'],
    ['table', 'Audit de sécurité du site lab\n'],
  ] as const) {
    const out = join(folder, `audit.${format}`);
    const { stdout } = await caisson('audit', '--format', format, '--language', 'fr', '--out', out);
    assert.equal(stdout, '');
    assert.ok((await readFile(out, 'utf8')).startsWith(beginning), format);
  }
  const { exit, stderr } = await caisson('audit', '--out', join(folder, 'no/such/folder'));
  assert.deepEqual([exit, stderr.includes('cannot be written')], [1, true]);
});

test('a process that is not cut off, a program that nobody declared, an agent that lies or is silent', async () => {
  await apply();
  behave('web', { isolation: { capabilities: ['CapEff 0000000000003000'], userIds: [0, 0, 0, 0] }, files: tables(22, 80) });
  behave('database', { agent: 'lies' });
  assert.deepEqual(await findings(), [
    'wrong-user web',
    'privileges web',
    'emulated database web',
    'guest-unseen database',
    'undeclared-listening web',
    'never-checked',
    'isolation-not-held',
    'filtering-not-shown',
  ]);
  behave('database', { agent: 'answers', files: { ...tables(3306), '/proc/net/udp6': '\u001b[2Jnothing to see' } });
  assert.ok((await findings()).includes('guest-unseen database'));
  const { stdout } = await caisson('audit');
  assert.match(stdout, /database: the guest’s list of udp sockets is malformed/);
  assert.doesNotMatch(stdout, /\u001b/);
});

test('guests that do not run have nothing to show', async () => {
  await apply();
  for (const name of ['web', 'database']) await daemon.engine.jobs.wait((await daemon.engine.stopGuest(name, 'test')).uid);
  assert.ok((await findings()).includes('no-guest-runs'));
});

test('without a site there is nothing to audit', async () => {
  const { exit, stderr } = await caisson('audit');
  assert.deepEqual([exit, stderr.startsWith('caisson: there is no site to audit')], [1, true]);
});
