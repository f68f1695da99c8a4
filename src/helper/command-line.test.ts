import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHelperOptions } from './command-line.ts';

test('without arguments there are the defaults', () => {
  assert.deepEqual(parseHelperOptions([]), {
    dataDirectory: '/var/lib/caisson',
    listen: [],
    user: 'caisson',
    nodeOptions: [],
    teardown: false,
    daemonArgs: [],
  });
});

test('every option is read, in both spellings, and what follows -- is the daemon’s', () => {
  const options = parseHelperOptions(
    '--data /srv/a --netns=guests --listen 127.0.0.1:8440 --listen=[::1]:8440 --daemon d.js --image-builder i.js --user other --tls-cert a.pem --tls-key=b.pem --acme-directory=https://a.example/dir --acme-name a.example --acme-listen 0.0.0.0:80 --node-option=--max-semi-space-size=1 --teardown -- --data x'.split(
      ' ',
    ),
  );
  assert.deepEqual(options, {
    dataDirectory: '/srv/a',
    netns: 'guests',
    listen: [
      { host: '127.0.0.1', port: 8440 },
      { host: '::1', port: 8440 },
      { host: '0.0.0.0', port: 80, acme: true },
    ],
    daemon: 'd.js',
    imageBuilder: 'i.js',
    user: 'other',
    nodeOptions: ['--max-semi-space-size=1'],
    teardown: true,
    daemonArgs: [
      '--data',
      'x',
      '--tls-cert',
      'a.pem',
      '--tls-key',
      'b.pem',
      '--acme-directory',
      'https://a.example/dir',
      '--acme-name',
      'a.example',
    ],
  });
});

for (const args of [
  ['--what', 'x'],
  ['--data'],
  ['--netns', '../x'],
  ['--netns', 'a b'],
  ['--listen', 'localhost:80'],
  ['--listen', '127.0.0.1:99999'],
  ['--listen', '127.0.0.1'],
  ['--acme-listen', '80'],
  ['--user', '-x'],
  ['x', 'y'],
]) {
  test(`${args.join(' ')} is refused with the usage`, () => {
    assert.throws(() => parseHelperOptions(args), { code: 'invalid', message: /usage: helper/ });
  });
}
