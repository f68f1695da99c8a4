import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseListeners, parseMemoryPressure, parseNics, parseProcessors } from './parse-sensors.ts';

test('counters of network devices are read by name, whatever stands close together', () => {
  const text =
    'Inter-|   Receive                                                |  Transmit\n' +
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n' +
    '    lo:  100       2    0    0    0     0          0         0      100       2    0    0    0     0       0          0\n' +
    'csgk3m9x4q2ab0:123456 789    0    0    0     0          0         0 654321 987    0    0    0     0       0          0\n';
  assert.deepEqual(parseNics(text).get('csgk3m9x4q2ab0'), {
    receivedBytes: 123_456,
    receivedPackets: 789,
    sentBytes: 654_321,
    sentPackets: 987,
  });
});

test('of a table of sockets those count that wait for somebody', () => {
  const line = (local: string, remote: string, state: string) =>
    `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000 0 0 218 1`;
  const table = [
    '  sl  local_address rem_address   st tx_queue',
    line('017100CB:01BB', '00000000:0000', '0A'),
    line('017100CB:01BC', '097100CB:9D74', '01'),
    line('017100CB:007B', '00000000:0000', '07'),
    line('B80D0120000000000000000001000000:0035', '00000000000000000000000000000000:0000', '0A'),
  ].join('\n');
  assert.deepEqual(parseListeners('tcp', table), [
    { protocol: 'tcp', address: '203.0.113.1', port: 443 },
    { protocol: 'tcp', address: '2001:db8::1', port: 53 },
  ]);
  assert.deepEqual(parseListeners('udp', table), [{ protocol: 'udp', address: '203.0.113.1', port: 123 }]);
  assert.deepEqual(parseListeners('tcp', ''), []);
});

test('pressure is a part of the time; a kernel without it tells the rest', () => {
  const meminfo = 'MemAvailable:   2097152 kB\nSwapTotal:      1048576 kB\nSwapFree:        524288 kB\n';
  const pressure = 'some avg10=12.50 avg60=1.00 avg300=0.00 total=1\nfull avg10=2.00 avg60=0.00 avg300=0.00 total=1\n';
  assert.deepEqual(parseMemoryPressure(meminfo, pressure), { availableMib: 2048, swapUsedMib: 512, waiting: { some: 0.125, full: 0.02 } });
  assert.deepEqual(parseMemoryPressure(meminfo, undefined), { availableMib: 2048, swapUsedMib: 512 });
});

test('sockets, cores and threads are told apart, and a kernel that does not say counts each processor', () => {
  const block = (processor: number, socket: number, core: number) =>
    `processor\t: ${processor}\nmodel name\t: Example 3000\nphysical id\t: ${socket}\ncore id\t\t: ${core}\n`;
  const text = [block(0, 0, 0), block(1, 0, 0), block(2, 1, 0), block(3, 1, 0)].join('\n');
  assert.deepEqual(parseProcessors(text), { sockets: 2, cores: 2, threads: 4, model: 'Example 3000' });
  assert.deepEqual(parseProcessors('processor : 0\n\nprocessor : 1\n'), { sockets: 1, cores: 2, threads: 2 });
});
