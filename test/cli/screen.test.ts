// The screen of a guest from the command line, against a simulated daemon: as a picture, for a VNC viewer, and what is refused.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { readFrame } from '../../src/lib/rfb-frame.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { sampleSite } from '../daemon/sample-site.ts';
import { decodePng, unlikeTheFirst } from '../picture.ts';
import { Terminal } from './terminal.ts';

const soon = { timeoutMs: 30_000, everyMs: 20 };
let folder: string;
let daemon: SimulatedDaemon;
let env: Record<string, string>;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-screen-'));
  daemon = await startSimulatedDaemon({ socketPath: join(folder, 'run/api.sock'), world: createSimulatedWorld({ seed: 7 }), bootMs: 10 });
  env = { CAISSON_DATA: folder };
  const site = sampleSite(3);
  const { 'guest-0': seen, 'guest-1': blind, 'guest-2': stopped } = site.guests;
  assert.ok(seen && blind && stopped);
  site.guests['guest-1'] = { ...blind, display: 'none' };
  site.guests['guest-2'] = { ...stopped, autostart: false };
  await daemon.engine.jobs.wait((await daemon.engine.applySite(site, { prune: false, deleteDisks: false, overwrite: false }, 'local')).uid);
});

after(async () => {
  await daemon.close();
  rmSync(folder, { recursive: true, force: true });
});

async function caisson(...argv: string[]): Promise<{ exit: number; out: string; err: string }> {
  const terminal = new Terminal({ env });
  const exit = await runCli(['guest', 'screen', ...argv], terminal);
  return { exit, out: terminal.out, err: terminal.err };
}

test('without options it says which ways there are', async () => {
  const { exit, out } = await caisson('guest-0');
  assert.equal(exit, 0);
  for (const way of [/#\/guests\/guest-0\/screen/, /--listen 127\.0\.0\.1:5901/, /vnc:\/\/127\.0\.0\.1:5901/, /--png guest-0\.png/])
    assert.match(out, way);
});

test('a picture is written to a file that others cannot read, and to a pipe, and never to a terminal', async () => {
  const file = join(folder, 'screen.png');
  assert.deepEqual(await caisson('guest-0', '--png', file), { exit: 0, out: '', err: '' });
  assert.ok(unlikeTheFirst(decodePng(readFileSync(file))) > 1000);
  assert.equal(statSync(file).mode & 0o007, 0);

  const piped: Uint8Array[] = [];
  const pipe = new Terminal({ env });
  pipe.stdout.write = (data) => piped.push(data as Uint8Array) > 0;
  assert.equal(await runCli(['guest', 'screen', 'guest-0', '--png', '-'], pipe), 0);
  assert.deepEqual(Buffer.concat(piped), readFileSync(file));

  const terminal = new Terminal({ env, size: { columns: 80, rows: 25 } });
  assert.equal(await runCli(['guest', 'screen', 'guest-0', '--png', '-'], terminal), 2);
  assert.match(terminal.err, /a terminal cannot show a picture/);
  assert.equal(terminal.out, '');

  const nowhere = await caisson('guest-0', '--png', join(folder, 'missing/screen.png'));
  assert.deepEqual([nowhere.exit, nowhere.err.includes('cannot be written to')], [1, true]);
});

test('a guest that is unknown, stopped or without a display is told so, whatever is asked for', async () => {
  for (const [guest, said] of [
    ['nobody', /no guest is called “nobody”/],
    ['guest-1', /has no display: give it “display: vga”/],
    ['guest-2', /is stopped: console needs it to be running/],
  ] as const)
    for (const more of [[], ['--png', join(folder, 'not.png')], ['--listen', '127.0.0.1:0']]) {
      const { exit, out, err } = await caisson(guest, ...more);
      assert.deepEqual([exit, out], [1, '']);
      assert.match(err, said);
    }
});

test('it is offered at addresses of this machine alone', async () => {
  for (const place of ['0.0.0.0:0', '[::]:0', '192.0.2.1:5901']) {
    const { exit, err } = await caisson('guest-0', '--listen', place);
    assert.equal(exit, 2);
    assert.match(err, /whoever reaches .* could see the screen and type in it/);
  }
  assert.equal((await caisson('guest-0', '--listen', 'nonsense')).exit, 2);
});

test('VNC viewers see it and type in it until Ctrl-C, and are told when the guest is stopped', async () => {
  const terminal = new Terminal({ env });
  const ended = runCli(['guest', 'screen', 'guest-0', '--listen', '127.0.0.1:0'], terminal);
  const url = await waitFor('the address', () => /^vnc:\/\/127\.0\.0\.1:(\d+)\n$/.exec(terminal.out), soon);
  const open = () => connect(Number(url[1]), '127.0.0.1');
  assert.ok(unlikeTheFirst(await readFrame(open())) > 1000);

  const [one, two] = [open(), open()];
  const closed = [one, two].map((viewer) => new Promise((resolve) => viewer.once('close', resolve)));
  for (const viewer of [one, two]) viewer.resume();
  const { uid } = await daemon.engine.guest('guest-0');
  const keys = () => daemon.world.host.process(uid).screen.keys;
  one.write(Buffer.concat([Buffer.from('RFB 003.008\n'), Buffer.from([1, 1]), Buffer.from([4, 1, 0, 0, 0, 0, 0, 0x61])]));
  await waitFor('the key', () => keys().length === 1 && keys()[0] === 0x61, soon);
  await daemon.engine.jobs.wait((await daemon.engine.stopGuest('guest-0', 'local')).uid);
  await Promise.all(closed);
  await waitFor('both to be told', () => terminal.err.split('the screen of guest-0 has ended').length === 3, soon);

  const late = open();
  await new Promise((resolve) => late.resume().once('close', resolve));
  await waitFor('the reason', () => /a viewer cannot see the screen of guest-0: .*is stopped/.test(terminal.err), soon);
  assert.equal(terminal.interrupt(), true);
  assert.equal(await ended, 0);
  const refused = open();
  await assert.rejects(new Promise((_, reject) => refused.once('error', reject)), { code: 'ECONNREFUSED' });
});
