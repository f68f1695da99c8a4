import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, parseListenAddress } from './listen-address.ts';

test('addresses of this machine are taken', () => {
  assert.deepEqual(parseListenAddress('127.0.0.1:8420'), { host: '127.0.0.1', port: 8420 });
  assert.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(parseListenAddress('localhost:80'), { host: '127.0.0.1', port: 80 });
});

for (const address of ['0.0.0.0:80', '[::]:80', '192.0.2.1:80', '[2001:db8::1]:80', 'example.org:80', '126.0.0.1:80']) {
  test(`${address} is refused with the way out`, () => {
    assert.throws(() => parseListenAddress(address), { code: 'unsupported', message: /without TLS.*ssh -L/ });
  });
}

for (const text of ['', '8420', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '::1:80', '127.0.0.1:80 ', 'http://127.0.0.1:80']) {
  test(`“${text}” is no address`, () => {
    assert.throws(() => parseListenAddress(text), { code: 'invalid' });
  });
}

test('only literal addresses are loopback', () => {
  assert.equal(isLoopback('127.255.255.254'), true);
  assert.equal(isLoopback('::ffff:127.0.0.1'), true);
  assert.equal(isLoopback('128.0.0.1'), false);
  assert.equal(isLoopback('localhost'), false);
});
