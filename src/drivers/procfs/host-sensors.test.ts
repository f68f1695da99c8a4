import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createHostSensors } from './host-sensors.ts';

test('what this machine listens on is found in the kernel’s tables', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = createSocket('udp6').bind(0, '::');
  await once(socket, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const { addresses, sockets } = await createHostSensors({ dataDirectory: '/nowhere' }).listeners();
    assert.ok(addresses.includes('127.0.0.1'), addresses.join(' '));
    assert.ok(sockets.some((one) => one.protocol === 'tcp' && one.address === '127.0.0.1' && one.port === port));
    assert.ok(sockets.some((one) => one.protocol === 'udp' && one.address === '::' && one.port === socket.address().port));
  } finally {
    server.close();
    socket.close();
  }
});

test('a disk is told once, with what is left for who is not root; a folder that is not there is none', async (t) => {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'caisson-sensors-'));
  t.after(() => rm(dataDirectory, { recursive: true, force: true }));
  await mkdir(join(dataDirectory, 'guests'));
  const [disk, ...others] = await createHostSensors({ dataDirectory }).disks();
  assert.deepEqual(others, []);
  assert.equal(disk?.path, join(dataDirectory));
  assert.ok(disk.freeBytes >= 0 && disk.freeBytes <= disk.sizeBytes && disk.sizeBytes > 0, JSON.stringify(disk));
  assert.deepEqual(await createHostSensors({ dataDirectory: join(dataDirectory, 'missing') }).disks(), []);
});
