import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createSocketProber } from './prober.ts';

const prober = createSocketProber({
  reachFromWorld: () => assert.fail(),
  worldAddresses: () => assert.fail(),
  openProbe: () => assert.fail(),
});
const ask = (check: Parameters<typeof prober.check>[0], timeoutMs = 2000) => prober.check(check, '127.0.0.1', { timeoutMs });

async function tcpServer(t: TestContext, answer: (line: string) => string | undefined): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const first = answer('');
    if (first !== undefined) socket.write(first);
    socket.on('data', (chunk) => {
      const reply = answer(chunk.toString());
      if (reply === undefined) socket.end();
      else socket.write(reply);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('TCP: a connection is enough, unless an answer is expected', async (t) => {
  const port = await tcpServer(t, (line) => (line.startsWith('CHECKOUT') ? 'TOKEN matlab 1 of 5\n' : line === '' ? '' : undefined));
  assert.deepEqual(await ask({ tcp: { port } }), { ok: true });
  assert.deepEqual(await ask({ tcp: { port, send: 'CHECKOUT matlab\n', expect: 'TOKEN' } }), { ok: true });
  assert.deepEqual(await ask({ tcp: { port, send: 'HELLO\n', expect: 'TOKEN' } }), {
    ok: false,
    why: 'the connection ended after nothing, “TOKEN” was expected',
  });
});

test('TCP: nobody listening is a refused connection, in words', async (t) => {
  const port = await tcpServer(t, () => '');
  const { port: free } = await (async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return address;
  })();
  assert.notEqual(free, port);
  assert.deepEqual(await ask({ tcp: { port: free } }), { ok: false, why: 'connection refused' });
});

test('TCP: a server that says nothing is given up after the time, and says so', async (t) => {
  const port = await tcpServer(t, () => '');
  assert.deepEqual(await ask({ tcp: { port, expect: 'SSH-2.0' } }, 100), { ok: false, why: 'no answer within 100 ms' });
});

test('HTTP: status and content must be as asked', async (t) => {
  const server = createHttpServer((request, response) => {
    response.statusCode = request.url === '/broken' ? 503 : 200;
    response.end(request.url === '/endless' ? 'x'.repeat(200_000) : 'visits: 3');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const http = (path: string, more: { status?: number; contains?: string } = {}) => ask({ http: { port, path, status: 200, ...more } });
  assert.deepEqual(await http('/'), { ok: true });
  assert.deepEqual(await http('/', { contains: 'visits' }), { ok: true });
  assert.deepEqual(await http('/', { contains: 'absent' }), { ok: false, why: 'the answer does not contain “absent”' });
  assert.deepEqual(await http('/endless', { contains: 'absent' }), { ok: false, why: 'the answer does not contain “absent”' });
  assert.deepEqual(await http('/broken'), { ok: false, why: 'status 503, 200 was expected' });
});

test('DNS: an answer from that very server counts, an error is named', async (t) => {
  const server = createSocket('udp4');
  server.on('message', (query, peer) => {
    const answer = Buffer.from(query);
    // REFUSED for a name that begins with x, else an A record of 192.0.2.1.
    const refused = query.readUInt8(13) === 0x78;
    answer.writeUInt16BE(refused ? 0x8105 : 0x8180, 2);
    answer.writeUInt16BE(refused ? 0 : 1, 6);
    answer.writeUInt16BE(0, 10);
    const questionEnd = query.indexOf(0, 12) + 5;
    const record = Buffer.from('c00c00010001000000040004c0000201', 'hex');
    server.send(Buffer.concat([answer.subarray(0, questionEnd), refused ? Buffer.alloc(0) : record]), peer.port, peer.address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address();
  assert.deepEqual(await ask({ dns: { name: 'lab.example', type: 'A', port } }), { ok: true });
  assert.deepEqual(await ask({ dns: { name: 'x.example', type: 'A', port } }), { ok: false, why: 'the server refused' });
});
