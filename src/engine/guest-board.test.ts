import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../lib/clock.ts';
import { silentLog } from '../lib/log.ts';
import type { Write } from '../store/store.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { GuestBoard } from './guest-board.ts';

async function opened(store = new MemoryStore({ clock: new FakeClock() })) {
  const known = new Set(['ga', 'gb']);
  const board = await GuestBoard.open({
    store,
    clock: new FakeClock(),
    log: silentLog,
    bootId: 'one',
    isBridged: () => false,
    isKnown: (uid) => known.has(uid),
  });
  const kept = async () => (await store.list('guest-status/')).rows.map(({ key }) => key);
  /** As the site's store does it: the guest is gone when this resolves. */
  const commit = async (write: Write) => {
    await store.transaction({ writes: [write] });
    known.delete('ga');
  };
  return { board, store, kept, commit };
}

test('what is learned late of a guest that is gone is kept nowhere', async () => {
  const { board, kept, commit } = await opened();
  board.set('ga', { power: 'running', pid: 7 });
  board.set('gb', { power: 'running', pid: 8 });
  await board.erase('ga', async (write) => {
    // While its row goes.
    board.set('ga', { power: 'running', pid: 9 });
    await commit(write);
    board.set('ga', { power: 'running', pid: 10 });
  });
  board.ended('ga', 'crashed', 'late');
  board.setMemory('ga', 512);
  await Promise.resolve();
  assert.deepEqual(await kept(), ['guest-status/gb']);
  assert.deepEqual([board.get('ga').power, board.memoryMib('ga')], ['stopped', undefined]);
});

test('a guest that could not be taken out is kept as it is by then', async () => {
  const { board, store, kept } = await opened();
  board.set('ga', { power: 'running', pid: 7 });
  const refused = board.erase('ga', async () => {
    board.set('ga', { pid: 9 });
    throw new Error('the disk is full');
  });
  await assert.rejects(refused, /full/);
  assert.deepEqual(await kept(), ['guest-status/ga']);
  const row = await store.get('guest-status/ga');
  assert.equal((row?.value as { pid?: number } | undefined)?.pid, 9);
});

test('what an earlier version has left of guests that are gone is removed when the board is opened', async () => {
  const store = new MemoryStore({ clock: new FakeClock() });
  for (const uid of ['ga', 'gone']) await store.put(`guest-status/${uid}`, { bootId: 'one', pid: 7 }, { expected: 'absent' });
  const { board, kept } = await opened(store);
  assert.deepEqual(await kept(), ['guest-status/ga']);
  assert.deepEqual([board.get('ga').pid, board.get('gone').pid], [7, undefined]);
});
