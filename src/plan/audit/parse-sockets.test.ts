import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSockets } from './parse-sockets.ts';

// As a Debian guest has them.
const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode                                                     
   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 15721 1 ffff8b8f429f0000 100 0 0 10 0                      
   1: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 15830 1 ffff8b8f429f1180 100 0 0 10 0                      
   2: 0A00140A:0016 0500140A:D2F4 01 00000000:00000000 02:0009A2C5 00000000     0        0 16101 4 ffff8b8f429f2300 20 4 31 10 -1                     
`;
const udp6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  403: 00000000000000000000000000000000:0222 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 16001 2 ffff8b8f41e3c000 0
  405: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 16002 2 ffff8b8f41e3c000 0
  411: B80D01200100000000000000100A0000:B0F1 B80D01200100000000000000010A0000:0035 01 00000000:00000000 00:00000000 00000000     0        0 16003 2 ffff8b8f41e3c000 0
  412: 0000000000000000FFFF00000A00140A:14E9 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 16004 2 ffff8b8f41e3c000 0
`;

test('sockets that wait are found with their addresses, those of connections are not', () => {
  assert.deepEqual(parseSockets('tcp', tcp, true), [
    { protocol: 'tcp', address: '0.0.0.0', port: 22 },
    { protocol: 'tcp', address: '127.0.0.1', port: 3306 },
  ]);
  assert.deepEqual(parseSockets('udp', udp6, true), [
    { protocol: 'udp', address: '::', port: 546 },
    { protocol: 'udp', address: '::1', port: 53 },
    { protocol: 'udp', address: '10.20.0.10', port: 5353 },
  ]);
});

test('a table that was cut ends with its last whole line', () => {
  assert.equal(parseSockets('tcp', tcp.slice(0, 330), false).length, 1);
  assert.throws(() => parseSockets('tcp', tcp.slice(0, 330), true), { code: 'unavailable' });
});

test('what is no table of sockets is refused, whatever a guest hands out', () => {
  const firstLine = tcp.split('\n')[0];
  for (const lie of ['', 'sl local_address', `${firstLine}\n   0: 0000:0016 0000:0000 0A \n`, `${firstLine}\n\u001b[2J\n`, '<html>'])
    assert.throws(() => parseSockets('tcp', lie, true), { code: 'unavailable', message: /malformed/ });
  const many = Array.from(
    { length: 600 },
    (_, port) => `   0: 00000000:${(port + 1).toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A 0`,
  );
  assert.throws(() => parseSockets('tcp', [firstLine, ...many].join('\n'), true), { message: /600 tcp sockets/ });
  const listed = fc.array(fc.oneof(fc.string(), fc.constantFrom(...tcp.split('\n'))), { maxLength: 20 });
  fc.assert(
    fc.property(listed, fc.boolean(), (lines, complete) => {
      try {
        for (const { address, port } of parseSockets('tcp', [firstLine, ...lines].join('\n'), complete)) {
          assert.match(address, /^[0-9a-f.:]+$/);
          assert.ok(port >= 0 && port <= 65_535);
        }
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'unavailable');
      }
    }),
  );
});
