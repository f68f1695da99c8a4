// What a guest says reaches people in many ways: as the reason why it is not ready, in events, in a check's details. However it is
// made, it stays one line that steers no terminal.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';
import { Terminal } from '../cli/terminal.ts';

/** Clears the screen, sets the title, writes the clipboard, reverses the order, and pretends to be a line of ours. */
const spite = 'gone\u001b[2J\u001b]0;owned\u0007\u001b]52;c;cm0gLXJm\u0007\u009b31m\u202egnp.exe\r\ncaisson: all is well\n';

const text = `
version: 1
site: lab
zones: { internal: { subnets: [10.20.0.0/16] } }
guests:
  evil:
    image: debian-12
    zone: internal
    memory: 128MiB
    disks: { root: 2GiB }
    service: { ports: [tcp/80], ready: { command: [/bin/check] } }
  other: { image: debian-12, zone: internal, memory: 128MiB, disks: { root: 2GiB }, service: { ports: [tcp/80] } }
`;

test('whatever a guest says, lists, views, events, checks and audits show it as harmless text', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-hostile-'));
  const daemon = await startSimulatedDaemon({ socketPath: join(folder, 'run/api.sock'), bootMs: 5, checkResponses: true });
  const { engine, world } = daemon;
  const caisson = async (...argv: string[]) => {
    const terminal = new Terminal({ env: { CAISSON_DATA: folder } });
    await runCli(argv, terminal);
    return terminal.written.map((each) => each.text).join('');
  };
  try {
    const parsed = parseSiteFile(text, () => undefined);
    assert.ok('site' in parsed);
    await engine.applySite(parsed.site, { prune: false, deleteDisks: false, overwrite: false }, 'test');
    const evil = await waitFor('the guest is known', () => engine.guests().find(({ name }) => name === 'evil'), { timeoutMs: 5000 });
    world.host.behave(evil.uid, {
      exec: () => ({ code: 1, stdout: spite, stderr: spite }),
      files: { '/proc/net/tcp': spite },
    });
    const reason = await waitFor(
      'its check fails',
      () => engine.guests().find(({ name, status }) => name === 'evil' && status.reason.includes('gone'))?.status.reason,
      { timeoutMs: 10_000 },
    );
    world.host.end(evil.uid, 'crashed', spite);
    await waitFor('its end is known', () => engine.guests().some(({ name, status }) => name === 'evil' && status.power === 'crashed'), {
      timeoutMs: 5000,
    });
    await engine.events.flush();
    const said = await engine.events.list({ limit: 1000 });
    assert.ok(said.some(({ message }) => message.includes('gone')));
    for (const each of [reason, ...said.map(({ message }) => message)]) assert.doesNotMatch(each, /[\u0000-\u001f\u007f-\u009f\u202e]/);
    for (const argv of [
      ['guest', 'list'],
      ['guest', 'show', 'evil'],
      ['event', 'list'],
      ['job', 'list'],
      ['zone', 'check'],
      ['audit'],
      ['audit', '-o', 'html'],
      ['audit', '-o', 'yaml'],
      ['guest', 'show', 'evil', '-o', 'json'],
      ['event', 'list', '-o', 'yaml'],
    ]) {
      const output = await caisson(...argv);
      assert.notEqual(output, '', argv.join(' '));
      assert.doesNotMatch(output, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/, argv.join(' '));
      assert.doesNotMatch(output, /^caisson: all is well/m, argv.join(' '));
    }
  } finally {
    await daemon.close();
    await rm(folder, { recursive: true });
  }
});
