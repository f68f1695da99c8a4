// A guest's QEMU that has been taken over: every system call here is made from within a QEMU that the root helper has started. Each
// attempt is made from an ordinary process of root's, too, where it succeeds: what stops it is the jail.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { waitFor } from '../../src/lib/wait-for.ts';
import { type Escape, escapes, type Outside } from '../attack/escapes.ts';
import { InsideProcess, type Outcome } from '../attack/inside-process.ts';
import { isInCall, killIfThere, withOrdinaryProcess } from '../attack/ordinary-process.ts';
import { createHelperFixture, idleQemu, type RunningHelper, someLimits } from './helper-fixture.ts';

const skip = process.arch === 'x64' ? false : 'system calls are made for x86-64 only';
const fixture = createHelperFixture('escape');
let helper: RunningHelper;
let others: Omit<Outside, 'own'>;
let guest: { uid: string; pid: number; own: Outside['own']; inside: InsideProcess } | undefined;
let nextUserId = 0;
const servers = [createServer((socket) => socket.destroy()), createServer((socket) => socket.destroy())] as const;

/** A QEMU that runs as guests do, with a disk, a log and a file that it may only read. */
async function startGuest(): Promise<{ uid: string; pid: number; own: Outside['own'] }> {
  const userId = helper.hello.userIds.base + nextUserId++;
  const { uid, disk, consoleLog } = await fixture.makeGuest(helper, userId);
  const image = `${fixture.data}/images/base.qcow2`;
  const argv = idleQemu(helper.hello, uid);
  const limits = someLimits;
  const { pid } = await helper.client.call('guestStart', {
    uid,
    userId,
    argv,
    taps: [],
    disks: [disk, consoleLog],
    files: [image],
    generation: 1,
    limits,
  });
  const sockets = `${helper.hello.runDirectory}/${uid}`;
  await waitFor('its sockets are there and sealed', () => existsSync(`${sockets}/qmp.sock`) && statSync(sockets).uid === 0, {
    timeoutMs: 60_000,
    everyMs: 5,
  });
  await waitFor('it waits for something to do', () => isInCall(pid, 'ppoll'), { timeoutMs: 60_000, everyMs: 2 });
  return { uid, pid, own: { disk, disks: disk.slice(0, disk.lastIndexOf('/')), sockets, readOnly: image } };
}

before(async () => {
  if (skip) return;
  helper = await fixture.start();
  const image = `${fixture.data}/images/base.qcow2`;
  writeFileSync(image, 'image', { mode: 0o644 });
  const store = `${fixture.data}/store.sqlite`;
  writeFileSync(store, 'store', { mode: 0o640 });
  for (const path of [image, store]) chownSync(path, fixture.user.userId, fixture.user.groupId);
  const other = await startGuest();
  const first = await startGuest();
  guest = { ...first, inside: await InsideProcess.open(first.pid) };
  const run = helper.hello.runDirectory;
  // As the daemon would: open to its group.
  const api = `${run}/api.sock`;
  servers[0].listen(api);
  servers[1].listen(0, '127.0.0.1');
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const tcp = servers[1].address() as AddressInfo;
  chmodSync(api, 0o660);
  chownSync(api, fixture.user.userId, fixture.user.groupId);
  others = {
    files: {
      'another guest’s disk': other.own.disk,
      'the store': store,
      'the host’s passwords': '/etc/shadow',
      'the host’s memory': '/dev/kmsg',
    },
    sockets: { 'another guest’s monitor': `${run}/${other.uid}/qmp.sock`, 'the API': api },
    port: tcp.port,
    processes: { 'another guest': other.pid, 'the helper': helper.process.pid ?? 0 },
  };
});
after(async () => {
  await guest?.inside.end();
  for (const server of servers) server.close();
  await fixture.remove();
});

const nothing = { disk: '', disks: '', sockets: '', readOnly: '' };

const isRefused = (outcome: Outcome) => 'killed' in outcome || outcome.result < 0;

const tryUnguarded = (escape: Escape) =>
  withOrdinaryProcess(async (pid) => {
    const inside = await InsideProcess.open(pid);
    try {
      return await escape.attempt(inside);
    } finally {
      await inside.end();
    }
  });

test('a guest’s QEMU that is taken over can open its own disk', { skip }, async () => {
  assert.ok(guest);
  const outcome = await guest.inside.call('open', guest.own.disk, 2);
  assert.ok(!isRefused(outcome), JSON.stringify(outcome));
});

test('a guest’s QEMU that is taken over cannot', { skip }, async (t) => {
  for (const { name } of escapes({ ...others, own: nothing })) {
    await t.test(name, async () => {
      if (!guest) {
        const next = await startGuest();
        guest = { ...next, inside: await InsideProcess.open(next.pid) };
      }
      const escape = escapes({ ...others, own: guest.own }).find((one) => one.name === name);
      const outcome = await escape?.attempt(guest.inside);
      assert.ok(outcome && isRefused(outcome), `it can: ${JSON.stringify(outcome)}`);
      if ('killed' in outcome) {
        // The filter ends it; the next attempt needs a guest that lives.
        const { inside, pid } = guest;
        guest = undefined;
        await inside.end();
        killIfThere(pid);
      }
    });
  }
  for (const pid of Object.values(others.processes)) assert.ok(existsSync(`/proc/${pid}/exe`), 'those that it tried to reach live');
});

test('root in an ordinary process can', { skip }, async (t) => {
  const { own } = await startGuest();
  for (const escape of escapes({ ...others, own })) {
    await t.test(escape.name, async () => {
      const outcome = await tryUnguarded(escape);
      assert.ok(!isRefused(outcome), JSON.stringify(outcome));
      rmSync(`${own.disks}/stolen`, { force: true });
      rmSync('/usr/bin/caisson-escape', { force: true });
    });
  }
});
