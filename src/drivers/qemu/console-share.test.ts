import assert from 'node:assert/strict';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, test } from 'node:test';
import { waitFor } from '../../lib/wait-for.ts';
import { ConsoleShare } from './console-share.ts';

let folder: string;
let server: Server;
let share: ConsoleShare;
let clients: Socket[];
let typed: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-console-'));
  clients = [];
  typed = '';
  server = createServer((socket) => {
    clients.push(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => (typed += chunk.toString()));
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'console.sock'), resolve));
  await writeFile(join(folder, 'console.log'), 'booting\nlogin: ');
  share = new ConsoleShare(join(folder, 'console.sock'), join(folder, 'console.log'));
});

afterEach(async () => {
  share.close();
  for (const socket of clients) socket.destroy();
  server.close();
  await rm(folder, { recursive: true });
});

/** As QEMU does: to whoever is connected and to the log. */
async function say(text: string): Promise<void> {
  clients.at(-1)?.write(text);
  await appendFile(join(folder, 'console.log'), text);
}

function listen(stream: Duplex): () => string {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

const isTrue = (what: string, condition: () => boolean) => waitFor(what, condition, { timeoutMs: 5000, everyMs: 5 });

test('several readers share one connection: the history asked for, then the same output', async () => {
  const first = await share.open(7);
  const second = await share.open(0);
  const heard = [listen(first), listen(second)];
  await isTrue('the connection', () => clients.length === 1);
  await say('root\n');
  await isTrue('both to hear', () => heard.every((said) => said().endsWith('root\n')));
  assert.equal(heard[0]?.(), 'login: root\n');
  assert.equal(heard[1]?.(), 'root\n');
  first.write('a');
  second.write('b');
  await isTrue('both to be typed', () => typed === 'ab');
  assert.equal(clients.length, 1);
});

test('the last reader that leaves ends the connection, the next one begins another', async () => {
  const reader = await share.open(0);
  await isTrue('the connection', () => clients.length === 1);
  reader.destroy();
  await isTrue('its end', () => clients[0]?.closed ?? false);
  const other = await share.open(100);
  assert.equal(String(other.read()), 'booting\nlogin: ');
  await isTrue('another connection', () => clients.length === 2);
});

test('a reader that does not read loses output; nobody waits for it', async () => {
  const lazy = await share.open(0);
  const heard = listen(await share.open(0));
  await isTrue('the connection', () => clients.length === 1);
  const line = `${'x'.repeat(63)}\n`;
  for (let i = 0; i < 200; i++) clients[0]?.write(line.repeat(256));
  clients[0]?.write('end\n');
  await isTrue('the other to hear all', () => heard().endsWith('end\n'));
  assert.equal(heard().length, 200 * 256 * 64 + 4);
  const late = listen(lazy);
  await isTrue('the end', () => late().endsWith('end\n'));
  assert.ok(late().includes('[output left out]'));
  assert.ok(late().length < 512 * 1024);
});

test('readers end with the guest', async () => {
  const reader = await share.open(0);
  listen(reader);
  await isTrue('the connection', () => clients.length === 1);
  clients[0]?.destroy();
  await isTrue('the reader’s end', () => reader.closed);
});

test('a guest without a console says so', async () => {
  const other = new ConsoleShare(join(folder, 'none.sock'), join(folder, 'none.log'));
  await assert.rejects(other.open(0), /no console/);
  share.close();
  await assert.rejects(share.open(0), /does not run/);
});
