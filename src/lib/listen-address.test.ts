import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback, parseListenAddress } from './listen-address.ts';

test('addresses are taken, of this machine and others', () => {
  assert.deepEqual(parseListenAddress('127.0.0.1:8420'), { host: '127.0.0.1', port: 8420 });
  assert.deepEqual(parseListenAddress('[::1]:0'), { host: '::1', port: 0 });
  assert.deepEqual(parseListenAddress('localhost:80'), { host: '127.0.0.1', port: 80 });
});

for (const [host, text] of [
  ['0.0.0.0', '0.0.0.0:80'],
  ['::', '[::]:80'],
  ['2001:db8::1', '[2001:db8::1]:80'],
] as const) {
  test(`${text} is taken, and is not this machine alone`, () => {
    assert.deepEqual(parseListenAddress(text), { host, port: 80 });
    assert.equal(isLoopback(host), false);
  });
}

for (const text of [
  '',
  'example.org:80',
  '8420',
  '127.0.0.1',
  '127.0.0.1:',
  '127.0.0.1:65536',
  '::1:80',
  '127.0.0.1:80 ',
  'http://127.0.0.1:80',
]) {
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
