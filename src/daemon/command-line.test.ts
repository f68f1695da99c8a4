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

for (const [args, says] of [
  [['--tls-cert', 'a'], /belong together/],
  [['--tls-key', 'a'], /belong together/],
  [['--tls-name', 'a b'], /neither a name nor an address/],
  [['--tls-cert', 'a', '--tls-key', 'b', '--tls-name', 'c'], /has its names/],
  [['--what'], /usage: daemon/],
  [['--simulate', '--seed', 'x'], /not a whole number/],
] as const) {
  test(`${args.join(' ')} is refused`, () => {
    assert.throws(() => parseDaemonCommand(args), { code: 'invalid', message: says });
  });
}
