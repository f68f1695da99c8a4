import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestStats } from '../model/guest-stats.ts';
import { ratesOf } from './guest-rates.ts';

const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const stats = (uid: string, seconds: number, cpuMs: number, bytes: number): GuestStats => ({
  uid,
  name: uid,
  at: at(seconds),
  cpuMs,
  cpus: 2,
  memory: { promisedMib: 512, hostBytes: 1 },
  disks: [
    { name: 'root', readBytes: bytes, writtenBytes: 0, reads: 1, writes: 0 },
    { name: 'data', readBytes: bytes, writtenBytes: 10, reads: 1, writes: 1 },
  ],
  nics: [{ tap: 'tap0', receivedBytes: 5 * bytes, sentBytes: 0, receivedPackets: 1, sentPackets: 0 }],
});

test('rates are what was counted between two looks, the busiest guest first', () => {
  const rates = ratesOf([stats('a', 10, 1000, 0), stats('b', 10, 1000, 0)], [stats('a', 12, 1100, 1000), stats('b', 12, 4000, 0)]);
  assert.deepEqual(
    rates.map(({ uid, cpu, diskReadBytesPerS, netReceivedBytesPerS }) => [uid, cpu, diskReadBytesPerS, netReceivedBytesPerS]),
    [
      ['b', 1.5, 0, 0],
      ['a', 0.05, 1000, 2500],
    ],
  );
});

test('a guest that was started anew in between counts from nothing, one that is new not at all', () => {
  const [rate, ...others] = ratesOf([stats('a', 10, 9000, 5000)], [stats('a', 12, 100, 0), stats('b', 12, 1, 1)]);
  assert.deepEqual([rate?.cpu, rate?.diskReadBytesPerS, others.length], [0, 0, 0]);
});
