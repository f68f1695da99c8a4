// What every history must keep.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type History, keptSlots, type MinuteSample, slotMs } from '../../src/store/history.ts';

const day = slotMs.day;
const start = 20_000 * day;

function sample(uid: string, minute: number, cpuPermille: number, usedMib?: number): MinuteSample {
  const time = start + minute * slotMs.minute;
  const used = usedMib === undefined ? {} : { usedMib };
  return { uid, time, cpuPermille, ...used, costMib: 300, readKib: 1, writtenKib: 2, receivedKib: 3, sentKib: 4 };
}

export function testHistory(name: string, open: () => Promise<History>): void {
  describe(`the history ${name}`, () => {
    let history: History;
    beforeEach(async () => {
      history = await open();
    });
    afterEach(() => history.close());

    const at = (minute: number) => start + minute * slotMs.minute;

    it('gives back minutes as they were, of the guest that was asked for, oldest first', async () => {
      await history.add([sample('ga', 1, 500, 100), sample('gb', 1, 1)], at(2));
      await history.add([sample('ga', 0, 100)], at(2));
      const minutes = await history.read({ uid: 'ga', resolution: 'minute' });
      assert.deepEqual(
        minutes.map(({ time, cpuPermille, usedMib }) => [time, cpuPermille.mean, usedMib?.max]),
        [
          [at(0), 100, undefined],
          [at(1), 500, 100],
        ],
      );
      assert.equal((await history.read({ uid: 'ga', resolution: 'minute', from: at(1) })).length, 1);
      assert.deepEqual(await history.read({ uid: 'gc', resolution: 'minute' }), []);
    });

    it('makes an hour of its minutes once it is over, and a day of its hours', async () => {
      for (let minute = 0; minute < 60; minute++)
        await history.add([sample('ga', minute, minute === 30 ? 2000 : 100, 200 + minute)], at(minute + 1) - 1);
      assert.deepEqual(await history.read({ uid: 'ga', resolution: 'hour' }), []);
      await history.add([sample('ga', 60, 100, 50)], at(61));
      const [hour, ...others] = await history.read({ uid: 'ga', resolution: 'hour' });
      assert.deepEqual(others, []);
      assert.deepEqual([hour?.time, hour?.minutes, hour?.readKib, hour?.sentKib], [start, 60, 60, 240]);
      assert.deepEqual(hour?.cpuPermille, { mean: Math.round((59 * 100 + 2000) / 60), p99: 2000, max: 2000 });
      assert.deepEqual(hour?.usedMib, { mean: 230, p99: 259, max: 259 });
      await history.add([sample('ga', 1440, 0, 70)], at(1441));
      const [whole] = await history.read({ uid: 'ga', resolution: 'day' });
      assert.deepEqual([whole?.time, whole?.minutes, whole?.usedMib?.max], [start, 61, 259]);
    });

    it('counts the minutes in which a guest was short of memory, and keeps the most that it had in one', async () => {
      const short = (minute: number, shortOfMib: number) => ({ ...sample('ga', minute, 10, 200), shortOfMib });
      await history.add([short(0, 600), short(1, 512), sample('ga', 2, 10, 200)], at(3));
      assert.deepEqual(
        (await history.read({ uid: 'ga', resolution: 'minute' })).map((minute) => minute.short),
        [{ minutes: 1, ofMib: 600 }, { minutes: 1, ofMib: 512 }, undefined],
      );
      await history.add([short(60, 1024)], at(61));
      await history.add([sample('ga', 1440, 10)], at(1441));
      const [hour] = await history.read({ uid: 'ga', resolution: 'hour' });
      const [whole] = await history.read({ uid: 'ga', resolution: 'day' });
      assert.deepEqual(
        [hour?.short, whole?.short],
        [
          { minutes: 2, ofMib: 600 },
          { minutes: 3, ofMib: 1024 },
        ],
      );
    });

    it('an hour without figures of the guest’s memory has none', async () => {
      await history.add([sample('ga', 0, 10)], at(1));
      await history.add([sample('ga', 60, 10)], at(61));
      const [hour] = await history.read({ uid: 'ga', resolution: 'hour' });
      assert.ok(hour && !('usedMib' in hour));
    });

    it('forgets what is too old, and keeps what was made of it', async () => {
      await history.add([sample('ga', 0, 10)], at(1));
      await history.add([sample('ga', 60, 10)], at(61));
      await history.add([sample('ga', keptSlots.minute + 61, 10)], at(keptSlots.minute + 62));
      assert.equal((await history.read({ uid: 'ga', resolution: 'minute' })).length, 1);
      assert.equal((await history.read({ uid: 'ga', resolution: 'hour' })).length, 2);
    });

    it('forgets a guest that is gone, and only that', async () => {
      await history.add([sample('ga', 0, 10), sample('gb', 0, 10)], at(1));
      await history.forget('ga');
      assert.deepEqual(await history.read({ uid: 'ga', resolution: 'minute' }), []);
      assert.equal((await history.read({ uid: 'gb', resolution: 'minute' })).length, 1);
    });

    it('refuses after it was closed', async () => {
      await history.close();
      await assert.rejects(history.read({ uid: 'ga', resolution: 'day' }), { code: 'unavailable' });
    });
  });
}
