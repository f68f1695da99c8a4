import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDaemonCommand } from './command-line.ts';

test('a daemon of a host takes where its certificate is from', () => {
  assert.deepEqual(parseDaemonCommand(['--data', '/x']), { kind: 'host', verbose: false, tls: { names: [] } });
  assert.deepEqual(parseDaemonCommand(['--tls-name', 'vm.example', '--tls-name', '203.0.113.9']), {
    kind: 'host',
    verbose: false,
    tls: { names: ['vm.example', '203.0.113.9'] },
  });
  assert.deepEqual(parseDaemonCommand(['--tls-cert', 'a', '--tls-key', 'b']), {
    kind: 'host',
    verbose: false,
    tls: { given: { certificate: 'a', key: 'b' }, names: [] },
  });
});

test('a certificate by ACME has a directory, names, and whom it may write to', () => {
  const args = ['--acme-directory', 'https://a.example/dir', '--acme-name', 'VM.example.org', '--acme-name', 'vm.example.org'];
  assert.deepEqual(parseDaemonCommand([...args, '--acme-contact', 'root@example.org', '--acme-ca', '/ca.pem']), {
    kind: 'host',
    verbose: false,
    tls: {
      names: [],
      acme: {
        directory: 'https://a.example/dir',
        names: ['vm.example.org'],
        contacts: ['mailto:root@example.org'],
        authoritiesFile: '/ca.pem',
      },
    },
  });
});

const directory = ['--acme-directory', 'https://a.example/dir'];

for (const [args, says] of [
  [['--tls-cert', 'a'], /belong together/],
  [['--tls-key', 'a'], /belong together/],
  [['--tls-name', 'a b'], /neither a name nor an address/],
  [['--tls-cert', 'a', '--tls-key', 'b', '--tls-name', 'c'], /has its names/],
  [['--what'], /usage: daemon/],
  [['--acme-name', 'a.example'], /--acme-directory, which is missing/],
  [directory, /needs the names/],
  [['--acme-directory', 'http://a.example/dir', '--acme-name', 'a.example'], /begins with https/],
  [[...directory, '--acme-name', 'room-1'], /no name that the world’s name service knows/],
  [[...directory, '--acme-name', '192.0.2.1'], /no name that the world’s name service knows/],
  [[...directory, '--acme-name', 'a.example\nDNS.9 = evil'], /no name that the world’s name service knows/],
  [[...directory, '--acme-name', 'a.example', '--acme-contact', 'root'], /no mail address/],
  [[...directory, '--acme-name', 'a.example', '--tls-cert', 'a', '--tls-key', 'b'], /choose one of them/],
  [['--simulate', '--seed', 'x'], /not a whole number/],
] as const) {
  test(`${args.join(' ')} is refused`, () => {
    assert.throws(() => parseDaemonCommand(args), { code: 'invalid', message: says });
  });
}
