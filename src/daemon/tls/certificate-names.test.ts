import assert from 'node:assert/strict';
import { test } from 'node:test';
import { certificateNames, isDnsName } from './certificate-names.ts';

test('a certificate is for the host’s name, long and short, its addresses, and this machine', () => {
  assert.deepEqual(
    certificateNames({ hostname: 'Room-1.lab.example', addresses: ['192.0.2.7', '127.0.0.1', '2001:db8::7', 'fe80::1'] }, [
      'vm.example',
      '203.0.113.9',
    ]),
    {
      dns: ['localhost', 'room-1.lab.example', 'room-1', 'vm.example'],
      ip: ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::7', '203.0.113.9'],
    },
  );
});

test('what is no name does not get into a certificate', () => {
  for (const text of ['', 'a b', 'a\nDNS.9 = evil', '192.0.2.1', '-a', 'a..b', 'ü', `${'a'.repeat(64)}.b`])
    assert.equal(isDnsName(text), false, text);
  assert.deepEqual(certificateNames({ hostname: 'a\nb', addresses: ['not one'] }).dns, ['localhost']);
});
