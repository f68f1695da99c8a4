import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { waitFor } from '../../lib/wait-for.ts';
import { QmpClient, type QmpEvent } from './qmp-client.ts';

const greeting = '{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}}\n';

let folder: string;
let server: Server;
let path: string;
/** What the other side does with each request. */
let answer: (request: { execute: string; id: number }, socket: Socket) => void;
let greet: (socket: Socket) => void;
let asked: string[];
let sockets: Socket[];
let events: QmpEvent[];
let closed: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-qmp-'));
  path = join(folder, 'qmp.sock');
  asked = [];
  sockets = [];
  events = [];
  closed = [];
  greet = (socket) => socket.write(greeting);
  answer = (request, socket) => reply(socket, request.id, {});
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    greet(socket);
    socket.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n').filter(Boolean)) {
        const request = JSON.parse(line) as { execute: string; id: number };
        asked.push(request.execute);
        if (request.execute === 'qmp_capabilities') reply(socket, request.id, {});
        else answer(request, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  server.close();
  await rm(folder, { recursive: true });
});

function connect(): Promise<QmpClient> {
  return QmpClient.connect(path, {
    clock: systemClock,
    onEvent: (event) => events.push(event),
    onClosed: (why) => closed.push(why.message),
  });
}

function reply(socket: Socket, id: number, value: unknown): void {
  socket.write(`${JSON.stringify({ return: value, id })}\n`);
}

const hasCode = (code: string) => (error: { code?: string }) => error.code === code;

test('negotiates once, then asks and tells events', async (t) => {
  answer = (request, socket) => {
    socket.write('{"event": "RESET", "data": {"guest": true, "reason": "guest-reset"}, "timestamp": {"seconds": 1, "microseconds": 2}}\n');
    socket.write('{"event": "STOP"}\n');
    reply(socket, request.id, { status: 'running', running: true });
  };
  const client = await connect();
  t.after(() => client.close());
  assert.equal((await client.execute('query-status', 5000)).status, 'running');
  assert.equal((await client.execute('query-status', 5000)).status, 'running');
  assert.deepEqual(asked, ['qmp_capabilities', 'query-status', 'query-status']);
  assert.deepEqual(events[0], { name: 'RESET', data: { guest: true, reason: 'guest-reset' } });
  assert.deepEqual(events[1], { name: 'STOP', data: {} });
});

test('nobody listening is said at once', async () => {
  await assert.rejects(
    QmpClient.connect(join(folder, 'other.sock'), { clock: systemClock, onEvent() {}, onClosed() {} }),
    hasCode('unavailable'),
  );
});

test('a QEMU without a greeting is a timeout, and serves when it wakes', async (t) => {
  greet = () => {};
  const client = await connect();
  t.after(() => client.close());
  await assert.rejects(client.execute('query-status', 50), hasCode('timeout'));
  sockets[0]?.write(greeting);
  answer = (request, socket) => reply(socket, request.id, { status: 'paused' });
  assert.equal((await client.execute('query-status', 5000)).status, 'paused');
  assert.deepEqual(closed, []);
});

test('an answer that comes too late is nobody else’s', async (t) => {
  const late: { id: number; socket: Socket }[] = [];
  answer = (request, socket) => late.push({ id: request.id, socket });
  const client = await connect();
  t.after(() => client.close());
  await assert.rejects(client.execute('query-status', 50), hasCode('timeout'));
  answer = (request, socket) => {
    const first = late[0];
    if (first) reply(first.socket, first.id, { status: 'shutdown' });
    reply(socket, request.id, { status: 'running' });
  };
  assert.equal((await client.execute('query-status', 5000)).status, 'running');
});

test('a refusal carries QEMU’s words', async (t) => {
  answer = (request, socket) =>
    socket.write(`${JSON.stringify({ error: { class: 'GenericError', desc: 'Resetting is required' }, id: request.id })}\n`);
  const client = await connect();
  t.after(() => client.close());
  await assert.rejects(client.execute('cont', 5000), /QEMU refused cont: Resetting is required/);
});

test('an answer of a wrong form is refused, an event of a wrong form is left out', async (t) => {
  answer = (request, socket) => {
    socket.write('{"event": "SHUTDOWN", "data": {"guest": "yes"}}\n{"event": "__proto__", "data": {}}\n{"event": 7}\n[]\nnull\n');
    reply(socket, request.id, { status: ['running'] });
  };
  const client = await connect();
  t.after(() => client.close());
  await assert.rejects(client.execute('query-status', 5000), /answer to query-status.status is not a string/);
  assert.deepEqual(events, []);
  assert.deepEqual(closed, []);
});

for (const [what, garbage] of [
  ['text that is not JSON', 'segmentation fault\n'],
  ['a line without an end', 'x'.repeat(2 * 1024 * 1024)],
] as const) {
  test(`${what} ends the conversation`, async () => {
    answer = (_request, socket) => socket.write(garbage);
    const client = await connect();
    await assert.rejects(client.execute('query-status', 5000), hasCode('unavailable'));
    await waitFor('the end to be told', () => closed.length === 1, { timeoutMs: 2000 });
    await assert.rejects(client.execute('query-status', 5000), hasCode('unavailable'));
  });
}

test('the end of QEMU fails what waits and is told once', async () => {
  answer = (_request, socket) => socket.destroy();
  const client = await connect();
  await assert.rejects(client.execute('stop', 5000), hasCode('unavailable'));
  assert.equal(closed.length, 1);
  client.close();
  assert.equal(closed.length, 1);
});
