import assert from 'node:assert/strict';
import { test } from 'node:test';
import { socketsOf } from './socket-folder.ts';

test('the sockets of a command line are found in either spelling, each once, and only those right in the folder', () => {
  const argv = [
    '/usr/bin/qemu-system-x86_64',
    '-chardev',
    'socket,id=qmp,path=/run/caisson/0a/g1/qmp.sock,server=on,wait=off',
    '-chardev',
    '{"backend":"socket","addr":{"path":"/run/caisson/0a/g1/agent.sock"}}',
    '-vnc',
    'unix:/run/caisson/0a/g1/vnc.sock',
    '-x',
    '/run/caisson/0a/g1/qmp.sock',
    '/run/caisson/0a/g1/a/b.sock',
    '/run/caisson/0a/g2/other.sock',
    '/run/caisson/0a/g1/console.log',
  ];
  assert.deepEqual(socketsOf(argv, '/run/caisson/0a/g1'), ['qmp.sock', 'agent.sock', 'vnc.sock']);
  assert.deepEqual(socketsOf([], '/run/caisson/0a/g1'), []);
});
