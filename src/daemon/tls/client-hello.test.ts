// The first message of real TLS clients, whole and in pieces, and what is none.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { mostHelloBytes, parseClientHello } from './client-hello.ts';

/** What a client of the runtime begins with. */
async function helloOf(options: { servername?: string; ALPNProtocols?: string[]; maxVersion?: 'TLSv1.2' }): Promise<Buffer> {
  const seen = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => socket.once('data', (chunk: Buffer) => seen.resolve(chunk)).on('error', () => undefined));
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const client = connect({ host: '127.0.0.1', port: (server.address() as { port: number }).port, ...options });
  client.on('error', () => undefined);
  try {
    return await seen.promise;
  } finally {
    client.destroy();
    server.close();
  }
}

test('name and protocols of a client are read, and it is waited for as long as they are not all there', async () => {
  for (const maxVersion of [undefined, 'TLSv1.2'] as const) {
    const version = maxVersion ? { maxVersion } : {};
    const hello = await helloOf({ servername: 'Room-1.Example.org', ALPNProtocols: ['acme-tls/1'], ...version });
    assert.deepEqual(parseClientHello(hello), { name: 'room-1.example.org', protocols: ['acme-tls/1'] });
    assert.deepEqual(parseClientHello(Buffer.concat([hello, Buffer.from('more that follows')])), parseClientHello(hello));
    for (let length = 0; length < hello.length; length++) assert.equal(parseClientHello(hello.subarray(0, length)), 'more', String(length));
    // Cut into two records.
    const head = Buffer.from(hello.subarray(0, 5));
    const record = (content: Buffer) => {
      head.writeUInt16BE(content.length, 3);
      return Buffer.concat([head, content]);
    };
    const cut = Buffer.concat([record(hello.subarray(5, 60)), record(hello.subarray(60))]);
    assert.deepEqual(parseClientHello(cut), parseClientHello(hello));
    const dust = Buffer.concat(Array.from(hello.subarray(5), (byte) => record(Buffer.from([byte]))));
    assert.equal(parseClientHello(dust), undefined);
  }
  assert.deepEqual(parseClientHello(await helloOf({ ALPNProtocols: ['h2', 'acme-tls/1'] })), {
    name: undefined,
    protocols: ['h2', 'acme-tls/1'],
  });
  assert.deepEqual(parseClientHello(await helloOf({})), { name: undefined, protocols: [] });
});

test('what is no such message, or lies about its lengths, is none', async () => {
  const hello = await helloOf({ servername: 'room-1.example.org', ALPNProtocols: ['acme-tls/1'] });
  for (const text of ['GET / HTTP/1.1\r\n\r\n', '\u0000', 'SSH-2.0-x']) assert.equal(parseClientHello(Buffer.from(text)), undefined);
  // Every length, and everything else, replaced: whatever comes of it, it ends, and is of the three kinds.
  for (let at = 0; at < hello.length; at++)
    for (const value of [0, 1, 0x7f, 0xff]) {
      const changed = Buffer.from(hello);
      changed[at] = value;
      const parsed = parseClientHello(changed);
      assert.ok(parsed === undefined || parsed === 'more' || parsed.protocols.length <= 300);
    }
  const endless = Buffer.alloc(mostHelloBytes + 5, 1);
  Buffer.from([22, 3, 1, 0xff, 0xff, 1, 0, 0x3f, 0xff]).copy(endless);
  assert.equal(parseClientHello(endless.subarray(0, mostHelloBytes)), undefined);
});
