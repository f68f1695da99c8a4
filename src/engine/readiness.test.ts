import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeHost } from '../drivers/fake/fake-host.ts';
import { FakeHypervisor } from '../drivers/fake/hypervisor.ts';
import type { Prober } from '../drivers/prober.ts';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { Machine } from '../model/machine.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { createEvents } from './events.ts';
import { GuestBoard } from './guest-board.ts';
import { Readiness } from './readiness.ts';

const uid = 'gk3m9x4q2ab';
const bootMs = 18_000;

test('a guest that boots slowly is ready as soon as its agent answers: the question was there before', async () => {
  const clock = new FakeClock();
  const host = new FakeHost(clock);
  const hypervisor = new FakeHypervisor(host);
  host.behave(uid, { bootMs });
  await hypervisor.start({ uid, name: 'web', memoryMib: 512, cpus: 1, maxCpus: 1, disks: [], nics: [] } as unknown as Machine, {
    userId: 1000,
    generation: 1,
    limits: { memoryMib: 700, cpuWeight: 100, pids: 64 },
  });
  const log = silentLog;
  const board = await GuestBoard.open({
    store: new MemoryStore({ clock }),
    clock,
    log,
    bootId: 'test',
    isBridged: () => false,
    isKnown: () => true,
  });
  const events = createEvents({ journal: new MemoryJournal(), clock, log });
  const record = { uid, name: 'web', spec: { after: [], service: { ports: [], ready: [{ agent: true }] } } } as unknown as GuestRecord;
  const prober = {} as Prober;
  const readiness = new Readiness({
    parts: { hypervisor, prober, clock, log },
    board,
    events,
    record: () => record,
    find: () => undefined,
  });
  board.set(uid, { power: 'running', startedAt: board.now() });
  readiness.watch(uid);
  for (let passed = 0; passed < bootMs - 100; passed += 100) await clock.advance(100);
  assert.equal(board.get(uid).ready, false);
  for (let passed = 0; passed < 200; passed += 100) await clock.advance(100);
  assert.equal(board.get(uid).ready, true, board.get(uid).reason);
  readiness.close();
  await events.close();
});
