// What tells Caisson that the host goes down, as the guide has it: the units as systemd reads them, and NUT with a battery that only says it is one.
// The daemon here is a simulated one; the ways into it, the programs and the lines of the guide are real.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import { run } from '../../src/lib/exec.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { sampleSite } from '../daemon/sample-site.ts';

const root = join(import.meta.dirname, '../..');
const launcher = join(root, 'bin/caisson');
const folder = mkdtempSync(join(tmpdir(), 'caisson-down-'));
const at = (...names: string[]) => join(folder, ...names);
after(() => rmSync(folder, { recursive: true, force: true }));

test('systemd reads the units without a complaint', async (t) => {
  if (!existsSync('/usr/bin/systemd-analyze')) return t.skip('systemd is not installed');
  const units = ['caisson.service', 'caisson-guests.service'];
  mkdirSync(at('units'));
  for (const unit of units)
    writeFileSync(at('units', unit), readFileSync(join(root, 'packaging/systemd', unit), 'utf8').replaceAll('/usr/bin/caisson', launcher));
  const verify = () => run(['systemd-analyze', 'verify', '--man=no', ...units.map((unit) => at('units', unit))], { okCodes: [0, 1] });
  assert.deepEqual(await verify(), { code: 0, stdout: '', stderr: '' });
  // It would have said so.
  const broken = readFileSync(at('units', units[0] as string), 'utf8').replace('KillMode=process', 'KillMod=process');
  writeFileSync(at('units', units[0] as string), broken);
  assert.match((await verify()).stderr, /Unknown key .*'KillMod'/);
});

describe('a battery', () => {
  const nut = '/lib/nut';
  const missing = ['dummy-ups', 'upsd', 'upsmon'].find((name) => !existsSync(`${nut}/${name}`));
  const needsRoot = process.getuid?.() === 0 ? undefined : 'needs root, as upsmon does to shut a host down';
  const why = missing === undefined ? needsRoot : `${missing} is not installed (nut-server, nut-client)`;
  const guide = readFileSync(join(root, 'docs/guide/start-and-stop.md'), 'utf8');
  const children: ChildProcess[] = [];
  let daemon: SimulatedDaemon;
  let port = 0;

  /** A line of the guide, for this daemon in place of the host's, and without ending this machine. */
  const here = (line: string) =>
    line
      .replaceAll(/(?:\/usr\/bin\/)?caisson ((?:host|guest) \w+)/g, `${launcher} $1 --data ${at('data')}`)
      .replaceAll('/sbin/shutdown', at('shutdown'));
  const charge = (status: string) => writeFileSync(at('lab.dev'), `ups.status: ${status}\nbattery.charge: 50\n`);
  const running = () => daemon.engine.guests().filter(({ status }) => status.power === 'running');

  function start(program: string, ...args: string[]): void {
    const env = { ...process.env, NUT_CONFPATH: folder, NUT_STATEPATH: at('state'), NUT_ALTPIDPATH: at('state') };
    // Of a group of its own: upsmon is two processes, and upssched goes on in its background.
    children.push(spawn(program, args, { stdio: 'ignore', env, detached: true }));
  }

  before(async () => {
    if (why) return;
    daemon = await startSimulatedDaemon({ socketPath: at('data/run/api.sock'), bootMs: 20 });
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    port = (free.address() as AddressInfo).port;
    free.close();
    mkdirSync(at('state'));
    writeFileSync(at('shutdown'), `#!/bin/sh\necho "$*" >${at('down')}\n`, { mode: 0o755 });
    writeFileSync(at('ups.conf'), `[lab]\n  driver = dummy-ups\n  port = ${at('lab.dev')}\n  mode = dummy-loop\n`);
    writeFileSync(at('upsd.conf'), `LISTEN 127.0.0.1 ${port}\n`);
    writeFileSync(at('upsd.users'), '[mon]\n  password = pw\n  upsmon primary\n', { mode: 0o640 });
  });
  afterEach(async () => {
    for (const { pid = 0 } of children.splice(0).toReversed()) {
      const isThere = (signal: NodeJS.Signals | 0) => {
        try {
          return process.kill(-pid, signal);
        } catch {
          return false;
        }
      };
      isThere('SIGTERM');
      await waitFor('its group has ended', () => !isThere(0), { timeoutMs: 60_000 });
    }
  });
  after(() => daemon?.close());

  async function begin(more: string): Promise<void> {
    const job = await daemon.engine.applySite(sampleSite(3), { prune: true, deleteDisks: false, overwrite: true }, 'test');
    assert.equal((await daemon.engine.jobs.wait(job.uid)).state, 'succeeded');
    rmSync(at('down'), { force: true });
    charge('OL');
    writeFileSync(
      at('upsmon.conf'),
      `MONITOR lab@127.0.0.1:${port} 1 mon pw primary
MINSUPPLIES 1
RUN_AS_USER root
POLLFREQ 1
POLLFREQALERT 1
HOSTSYNC 1
FINALDELAY 0
POWERDOWNFLAG ${at('killpower')}
${more}`,
      { mode: 0o640 },
    );
    start(`${nut}/dummy-ups`, '-a', 'lab', '-D', '-u', 'root');
    await waitFor('the driver speaks', () => existsSync(at('state/dummy-ups-lab')), { timeoutMs: 60_000 });
    start(`${nut}/upsd`, '-D', '-u', 'root');
    const asks = () => run(['upsc', `lab@127.0.0.1:${port}`, 'ups.status'], { okCodes: [0, 1] });
    await waitFor('the battery is asked', async () => (await asks()).stdout.trim() === 'OL', { timeoutMs: 60_000, everyMs: 200 });
    start(`${nut}/upsmon`, '-D', '-u', 'root');
  }

  test('that runs low takes every guest down in order, and then the host', async (t) => {
    if (why) return t.skip(why);
    const line = /^SHUTDOWNCMD .*$/m.exec(guide)?.[0] ?? assert.fail('the guide has no SHUTDOWNCMD');
    await begin(`${here(line)}\n`);
    assert.equal(running().length, 3);
    charge('OB LB');
    await waitFor('the host would go down', () => existsSync(at('down')), { timeoutMs: 120_000 });
    assert.match(readFileSync(at('down'), 'utf8'), /^-h \+0/);
    assert.deepEqual(running(), [], 'guests still run when the host goes');
    const [job] = await daemon.engine.jobs.list({ kind: 'host-shutdown' });
    assert.equal(job?.state, 'succeeded');
  });

  test('that has lasted for a while takes one guest down, and the others run on', async (t) => {
    if (why) return t.skip(why);
    const script = /^case "\$1" in early\).*$/m.exec(guide)?.[0] ?? assert.fail('the guide has no script for upssched');
    const [timer = '', cancel = ''] = [...guide.matchAll(/`(AT [A-Z]+ \* (?:START|CANCEL)-TIMER [^`]+)`/g)].map((match) => match[1]);
    writeFileSync(at('early'), `#!/bin/sh\n${here(script).replace('build-server', 'guest-0')}\ntouch ${at('asked')}\n`, { mode: 0o755 });
    writeFileSync(
      at('upssched.conf'),
      `CMDSCRIPT ${at('early')}\nPIPEFN ${at('state/upssched.pipe')}\nLOCKFN ${at('state/upssched.lock')}\n${timer.replace(/ 300$/, ' 1')}\n${cancel}\n`,
      { mode: 0o640 },
    );
    assert.match(timer, /START-TIMER early 300$/);
    await begin(`SHUTDOWNCMD "/bin/false"\nNOTIFYCMD /sbin/upssched\nNOTIFYFLAG ONBATT EXEC\nNOTIFYFLAG ONLINE EXEC\n`);
    charge('OB');
    await waitFor('the guest is down', () => running().length === 2, { timeoutMs: 120_000 });
    assert.deepEqual(
      running().map(({ name }) => name),
      ['guest-1', 'guest-2'],
    );
    await waitFor('the script has ended', () => existsSync(at('asked')), { timeoutMs: 60_000 });
  });
});
