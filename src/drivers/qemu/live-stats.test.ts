import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../lib/clock.ts';
import type { GuestProcesses } from './guest-processes.ts';
import { readStats } from './live-stats.ts';
import type { RunningGuest } from './running-guest.ts';

/** A guest whose system tells of its memory `afterMs` after it was asked, or never; this very process stands for its QEMU. */
function guestThat(afterMs: number, clock: FakeClock) {
  const asked: string[] = [];
  let polledSince = Infinity;
  const execute = async (command: string, args?: { property?: string; value?: number }) => {
    asked.push(`${command} ${args?.value ?? ''}`.trim());
    if (command === 'qom-set') polledSince = args?.value === 1 ? clock.now() : Infinity;
    if (command !== 'qom-get') return [];
    const isTold = clock.now() >= polledSince + afterMs;
    return {
      'last-update': isTold ? Math.floor(clock.now() / 1000) : 0,
      stats: { 'stat-total-memory': isTold ? 1024 : 2 ** 64, 'stat-free-memory': isTold ? 512 : 2 ** 64 },
    };
  };
  const guest = { process: { uid: 'gk3m9x4q2ab', pid: process.pid }, execute } as unknown as RunningGuest;
  const processes = { usage: async () => ({}) } as unknown as GuestProcesses;
  const read = () => readStats(guest, { clock, processes }, { exact: false });
  return { asked, read };
}

/** Time goes on until it is answered. */
async function answered<T>(clock: FakeClock, answer: Promise<T>): Promise<T> {
  const state = { isOver: false };
  const end = () => (state.isOver = true);
  answer.then(end, end);
  while (!state.isOver) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(10);
  }
  return answer;
}

const questions = (asked: readonly string[]) => asked.filter((command) => command === 'qom-get').length;

test('a guest that answers is asked a few times, and left alone then', async () => {
  const clock = new FakeClock();
  const { asked, read } = guestThat(25, clock);
  const [first, second] = await answered(clock, Promise.all([read(), read()]));
  assert.deepEqual(first?.memory, { totalBytes: 1024, freeBytes: 512 });
  assert.deepEqual(second?.memory, first.memory);
  assert.ok(questions(asked) <= 3, asked.join(', '));
  assert.equal(asked.at(-1), 'qom-set 0');
});

test('one that does not answer is asked ever more seldom, and its other figures are told', async () => {
  const clock = new FakeClock();
  const { asked, read } = guestThat(Infinity, clock);
  const stats = await answered(clock, read());
  assert.ok(stats);
  assert.equal(stats.memory, undefined);
  assert.ok(questions(asked) <= 9, asked.join(', '));
  const once = questions(asked);
  await clock.advance(3000);
  await answered(clock, read());
  assert.equal(questions(asked), once, 'it is let rest');
  await clock.advance(3000);
  await answered(clock, read());
  assert.ok(questions(asked) > once);
  const twice = questions(asked);
  await clock.advance(6000);
  await answered(clock, read());
  assert.equal(questions(asked), twice, 'it is let rest longer');
});
