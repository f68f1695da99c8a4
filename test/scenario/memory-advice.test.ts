// What is advised of the memory of guests with a range, from histories as a host writes them: minutes of two weeks, in which a guest uses what its work
// needs, and no more than what the host has left it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleOf } from '../../src/engine/usage.ts';
import type { Advice } from '../../src/model/usage.ts';
import type { GuestStats } from '../../src/model/guest-stats.ts';
import { advise } from '../../src/plan/advice.ts';
import { sayInWords } from '../../src/web/words/engine-words.ts';
import { MemoryHistory } from '../../src/store/memory/memory-history.ts';
import { Chance } from '../simulated/chance.ts';

const minuteMs = 60_000;
const dayMinutes = 24 * 60;
const days = 14;
const start = 20_000 * dayMinutes * minuteMs;
const bytes = (mib: number) => Math.round(mib * 1024 * 1024);

interface Life {
  range: { minMib: number; maxMib: number };
  /** Absent: the most. */
  sizeMib?: number;
  /** What its programs would like to have in a minute of the day; `noise`: 0 … 1. */
  needsMib: (minute: number, day: number, noise: number) => number;
  /** What the host has left it; absent: its size. */
  givenMib?: (minute: number, day: number) => number;
  /** It uses a fifth of one. */
  cpus?: number;
}

/** As a look tells it: its kernel keeps a little for itself, and the system never fills the last of its memory. */
function lookAt(at: number, needsMib: number, givenMib: number): GuestStats {
  const totalMib = givenMib * 0.95;
  const usedMib = Math.min(needsMib, totalMib * 0.97);
  const left = bytes(totalMib - usedMib);
  return {
    uid: 'ga',
    name: 'database',
    at: new Date(at).toISOString(),
    cpuMs: Math.round((at - start) / 5),
    cpus: 2,
    memory: {
      promisedMib: givenMib,
      hostBytes: bytes(givenMib),
      guest: { totalBytes: bytes(totalMib), freeBytes: left, availableBytes: left },
    },
    disks: [],
    nics: [],
  };
}

async function adviceFor({ range, sizeMib = range.maxMib, needsMib, givenMib = () => sizeMib, cpus = 1 }: Life): Promise<Advice> {
  const history = new MemoryHistory();
  const chance = new Chance(1);
  let before = lookAt(start, 0, sizeMib);
  for (let day = 0; day < days; day++) {
    const samples = Array.from({ length: dayMinutes }, (_, minute) => {
      const now = lookAt(
        start + (day * dayMinutes + minute + 1) * minuteMs,
        needsMib(minute, day, chance.below(1000) / 1000),
        givenMib(minute, day),
      );
      const sample = sampleOf(before, now);
      before = now;
      return sample ?? assert.fail('two looks are a minute');
    });
    await history.add(samples, start + (day + 1) * dayMinutes * minuteMs);
  }
  const hours = await history.read({ uid: 'ga', resolution: 'hour' });
  const guest = { uid: 'ga', name: 'database', memoryMib: sizeMib, memoryRange: range, cpus };
  return advise(guest, hours, start + days * dayMinutes * minuteMs);
}

const isNight = (minute: number) => minute >= 120 && minute < 180;
const isOffice = (minute: number, day: number) => day % 7 < 5 && minute >= 480 && minute < 1080;
const what = ({ message }: Advice) => message.split('; ').slice(1);

test('peaks of an hour at night: its least is what it uses otherwise, and a most that holds them stays', async () => {
  const advice = await adviceFor({
    range: { minMib: 512, maxMib: 2048 },
    needsMib: (minute, _, noise) => (isNight(minute) ? 1350 : 650) + 50 * noise,
  });
  assert.deepEqual(what(advice), ['in nine of ten hours 678 MiB or less', 'min 512 → 896 MiB (678 × 1.25 = 848)']);
  assert.equal(advice.verdict, 'larger');
  assert.deepEqual(advice.memory?.range, {
    ordinaryMib: 678,
    cappedPercent: 0,
    givenMinMib: 512,
    proposedMinMib: 896,
    givenMaxMib: 2048,
    proposedMaxMib: 2048,
  });
});

test('work of office hours belongs to its least', async () => {
  const advice = await adviceFor({
    range: { minMib: 512, maxMib: 2048 },
    needsMib: (minute, day, noise) => (isOffice(minute, day) ? 1000 : 300) + 50 * noise,
  });
  assert.deepEqual(what(advice), [
    'in nine of ten hours 1,026 MiB or less',
    'min 512 → 1,344 MiB (1,026 × 1.25 = 1,283)',
    'max 2,048 → 1,344 MiB (1,050 × 1.25 = 1,313)',
  ]);
});

test('a guest that needs little is told so of both bounds', async () => {
  const advice = await adviceFor({ range: { minMib: 512, maxMib: 2048 }, needsMib: (_, __, noise) => 200 + 20 * noise });
  assert.deepEqual(what(advice), [
    'in nine of ten hours 211 MiB or less',
    'min 512 → 320 MiB (211 × 1.25 = 264)',
    'max 2,048 → 320 MiB (220 × 1.25 = 275)',
  ]);
  assert.equal(advice.verdict, 'smaller');
});

test('one that was brought down and filled what was left is not told that less would do', async () => {
  const life: Life = {
    range: { minMib: 512, maxMib: 4096 },
    needsMib: (_, __, noise) => 1500 + 100 * noise,
    givenMib: () => 600,
  };
  const advice = await adviceFor(life);
  assert.ok((advice.memory?.maxMib ?? 0) < 600, 'all that was seen of it is little');
  assert.deepEqual(what(advice), [
    'in nine of ten hours 553 MiB or less',
    'in 100 % of the time it had less than 4,096 MiB and used nearly all of that',
    'min 512 → 768 MiB (600 × 1.25 = 750)',
  ]);
  // For some of the time it had what it needs: that is what it needs.
  const now = await adviceFor({ ...life, givenMib: (_, day) => (day < 7 ? 600 : 4096) });
  assert.deepEqual(what(now), [
    'in nine of ten hours 1,553 MiB or less',
    'in 50 % of the time it had less than 4,096 MiB and used nearly all of that',
    'min 512 → 1,984 MiB (1,553 × 1.25 = 1,942)',
  ]);
});

test('one that was brought down and had enough has not been short', async () => {
  const advice = await adviceFor({
    range: { minMib: 512, maxMib: 4096 },
    needsMib: (_, __, noise) => 380 + 20 * noise,
    givenMib: (_, day) => (day % 2 === 0 ? 640 : 4096),
  });
  assert.equal(advice.memory?.range?.cappedPercent, 0);
  assert.deepEqual(what(advice), ['in nine of ten hours 391 MiB or less', 'max 4,096 → 512 MiB (400 × 1.25 = 500)']);
});

test('one that fills its size should have more of its range, and beyond its range where it has all of it', async () => {
  const needsMib = () => 6000;
  const within = await adviceFor({ range: { minMib: 512, maxMib: 4096 }, sizeMib: 1024, needsMib });
  assert.deepEqual(what(within), [
    'in nine of ten hours 944 MiB or less',
    'min 512 → 1,216 MiB (944 × 1.25 = 1,180)',
    'size 1,024 → 1,280 MiB (1,024 × 1.25 = 1,280)',
  ]);
  const beyond = await adviceFor({ range: { minMib: 256, maxMib: 4096 }, needsMib });
  assert.deepEqual(what(beyond), [
    'in nine of ten hours 3,774 MiB or less',
    'min 256 → 4,736 MiB (3,774 × 1.25 = 4,718)',
    'max 4,096 → 5,120 MiB (4,096 × 1.25 = 5,120)',
  ]);
});

test('a most that is not given costs nothing and stays; the tables of one that grows need their place', async () => {
  const idle = await adviceFor({ range: { minMib: 512, maxMib: 8192 }, sizeMib: 1024, needsMib: () => 300 });
  assert.deepEqual(what(idle), ['in nine of ten hours 300 MiB or less', 'size 1,024 → 512 MiB (min)']);
  const night = await adviceFor({
    range: { minMib: 128, maxMib: 2048 },
    needsMib: (minute) => (isNight(minute) ? 1900 : 50),
  });
  assert.deepEqual(what(night), [
    'in nine of ten hours 50 MiB or less',
    'min 128 → 192 MiB (2,560 ÷ 16 = 160)',
    'max 2,048 → 2,560 MiB (2,048 × 1.25 = 2,560)',
  ]);
});

test('all of it is said in French too', async () => {
  const { message } = await adviceFor({
    range: { minMib: 512, maxMib: 4096 },
    sizeMib: 2048,
    needsMib: (minute) => (isNight(minute) ? 6000 : 1500),
    givenMib: (_, day) => (day < 7 ? 600 : 2048),
    cpus: 2,
  });
  const { text, language } = sayInWords(message, 'fr');
  assert.equal(language, 'fr', message);
  assert.equal(
    text,
    [
      'utilise 1,887 sur 2,048 MiB et 0.20 sur 2 processeurs au p99 sur 14 jours (au plus 1,887 MiB)',
      '1,500 MiB au plus dans neuf heures sur dix',
      'pendant 50 % du temps il avait moins de 2,048 MiB et en utilisait presque tout',
      'min 512 → 1,920 MiB (1,500 × 1.25 = 1,875)',
      'size 2,048 → 2,560 MiB (2,048 × 1.25 = 2,560)',
      '1 processeur, cela suffirait',
    ].join(' ; '),
  );
});

test('a few minutes without room are no reason to say anything', async () => {
  const advice = await adviceFor({
    range: { minMib: 512, maxMib: 1024 },
    needsMib: () => 500,
    givenMib: (minute) => (minute < 5 ? 512 : 1024),
  });
  assert.equal(advice.memory?.range?.cappedPercent, 0);
});
