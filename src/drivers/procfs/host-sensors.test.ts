import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createHostSensors } from './host-sensors.ts';

test('what this machine listens on is found in the kernel’s tables', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = createSocket('udp6').bind(0, '::');
  await once(socket, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const { addresses, sockets } = await createHostSensors().listeners();
    assert.ok(addresses.includes('127.0.0.1'), addresses.join(' '));
    assert.ok(sockets.some((one) => one.protocol === 'tcp' && one.address === '127.0.0.1' && one.port === port));
    assert.ok(sockets.some((one) => one.protocol === 'udp' && one.address === '::' && one.port === socket.address().port));
  } finally {
    server.close();
    socket.close();
  }
});
