// What the shell is offered at every place of a command line.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { shellScripts } from '../../src/cli/shell-scripts.ts';
import { type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { createNodeTransport } from '../../src/api/node-transport.ts';
import { createClient } from '../../src/api/client.ts';
import { sampleSite } from '../daemon/sample-site.ts';
import { Terminal } from './terminal.ts';

let folder = '';
let daemon: SimulatedDaemon;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-complete-'));
  const socketPath = join(folder, 'run/api.sock');
  daemon = await startSimulatedDaemon({ socketPath, bootMs: 5 });
  const transport = createNodeTransport({ socketPath });
  const client = createClient(transport);
  const { uid } = await client.call('siteApply', { body: { site: sampleSite(3) } });
  for await (const _ of client.stream('jobFollow', { params: { job: uid } }));
  const stop = await client.call('guestStop', { params: { guest: 'guest-1' } });
  for await (const _ of client.stream('jobFollow', { params: { job: stop.uid } }));
  transport.close();
});

after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

async function offered(words: string[], options: { shell?: string; data?: string } = {}): Promise<string[]> {
  const terminal = new Terminal({ env: { CAISSON_DATA: options.data ?? folder } });
  assert.equal(await runCli(['complete', options.shell ?? 'bash', '--', ...words], terminal), 0);
  assert.equal(terminal.err, '');
  return terminal.out.trimEnd().split('\n');
}

test('first words, verbs and options are offered where they fit', async () => {
  assert.deepEqual(await offered(['g']), ['values', 'guest']);
  assert.deepEqual(await offered(['guest', 're']), ['values', 'reboot', 'resume', 'rename']);
  assert.deepEqual(await offered(['guest', 'sta']), ['values', 'stats', 'start']);
  assert.ok((await offered([''])).includes('apply'));
  assert.deepEqual(await offered(['guest', 'list', '--w']), ['values', '--watch']);
  assert.deepEqual(await offered(['guest', 'list', '-o', '']), ['values', 'table', 'json', 'yaml']);
  assert.deepEqual(await offered(['job', 'list', '--state', 'su']), ['values', 'succeeded']);
  assert.deepEqual(await offered(['nonsense', 'x']), ['values']);
});

test('an option is written together with its value in each shell’s way', async () => {
  assert.deepEqual(await offered(['guest', 'list', '--output', '=', 'j']), ['values', 'json']);
  assert.deepEqual(await offered(['guest', 'list', '--output=j'], { shell: 'zsh' }), ['values', '--output=json']);
  assert.deepEqual(await offered(['guest', 'list', '--output=j'], { shell: 'fish' }), ['values', '--output=json']);
});

test('names come from the daemon, those that the verb can be done to', async () => {
  assert.deepEqual(await offered(['guest', 'show', '']), ['values', 'guest-0', 'guest-1', 'guest-2']);
  assert.deepEqual(await offered(['guest', 'start', 'gu']), ['values', 'guest-1']);
  assert.deepEqual(await offered(['guest', 'stop', '--no-wait', 'gu']), ['values', 'guest-0', 'guest-2']);
  assert.deepEqual(await offered(['guest', 'show', 'guest-1'], { shell: 'fish' }), ['values', 'guest-1\tstopped']);
  assert.deepEqual(await offered(['guest', 'show', 'guest-1'], { shell: 'zsh' }), ['values', 'guest-1:stopped']);
  assert.deepEqual(await offered(['zone', 'show', '']), ['values', 'internal']);
  assert.deepEqual(await offered(['guest', 'set', 'guest-0', '--nic', '']), ['values', 'internal']);
  assert.deepEqual(await offered(['flow', 'explain', '']), ['values', 'guest-0', 'guest-1', 'guest-2', 'zone:internal', 'world', 'host']);
  assert.deepEqual(await offered(['flow', 'explain', 'guest-0', 'w']), ['values', 'world']);
  assert.deepEqual(await offered(['flow', 'explain', 'guest-0', 'world', 'udp']), ['values', 'udp/53']);
  assert.deepEqual(await offered(['flow', 'who', 'guest-1']), ['values', 'guest-1']);
  assert.deepEqual(await offered(['image', 'build', 'debian-13']), ['values', 'debian-13']);
  assert.equal((await offered(['job', 'show', ''])).length, 3);
  assert.deepEqual(await offered(['job', 'cancel', '']), ['values'], 'only what runs can be cancelled');
  assert.deepEqual(await offered(['guest', 'rename', 'guest-0', '']), ['values'], 'a new name is for the user to find');
});

test('the daemon of --data is asked; one that does not answer has no names, and nothing is said', async () => {
  assert.deepEqual(await offered(['guest', 'show', '--data', folder, 'guest-0'], { data: '/nowhere' }), ['values', 'guest-0']);
  assert.deepEqual(await offered(['guest', 'show', `--data=${folder}`, 'guest-0'], { data: '/nowhere' }), ['values', 'guest-0']);
  assert.deepEqual(await offered(['guest', 'show', ''], { data: '/nowhere' }), ['values']);
});

test('files and folders are left to the shell', async () => {
  assert.deepEqual(await offered(['apply', '']), ['files']);
  assert.deepEqual(await offered(['image', 'import', 'name', '/srv']), ['files']);
  assert.deepEqual(await offered(['guest', 'list', '--data', '/v']), ['folders']);
});

/** bash as it completes: sets what it would have set, calls the function, prints what that answered. */
function bashCompletes(words: string[]): string[] {
  const fake = join(folder, 'caisson');
  writeFileSync(fake, '#!/bin/sh\nprintf "values\\nguest-0\\nguest 1\\n" ; echo "$@" > "${0%/*}/asked"\n');
  chmodSync(fake, 0o755);
  const script = `${shellScripts.bash}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _caisson "$1"; printf '%s\\n' "\${COMPREPLY[@]}"; cat '${folder}/asked'`;
  return execFileSync('bash', ['-c', script, 'bash', fake, ...words], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');
}

test('bash gives the words as they are, and never runs what was typed', () => {
  const marker = join(folder, 'ran');
  const typed = `$(touch ${marker})`;
  assert.deepEqual(bashCompletes(['guest', typed, 'gu']), ['guest-0', 'guest 1', `complete bash -- guest ${typed} gu`]);
  assert.throws(() => execFileSync('cat', [marker], { stdio: 'ignore' }));
});
