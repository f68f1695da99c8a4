import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { systemClock } from '../../lib/clock.ts';
import { waitFor } from '../../lib/wait-for.ts';
import { AgentClient } from './agent-client.ts';

interface Request {
  execute: string;
  arguments?: Record<string, unknown>;
}

let folder: string;
let server: Server;
let agent: AgentClient;
let sockets: Socket[];
/** What the guest does with each request; `undefined` for a proper agent's way. */
let answer: (request: Request, socket: Socket) => void;
let asked: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'caisson-agent-'));
  sockets = [];
  asked = [];
  answer = proper;
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
        const line = text.slice(text.lastIndexOf('\xff', end) + 1, end);
        text = text.slice(end + 1);
        const request = JSON.parse(line) as Request;
        asked.push(request.execute);
        answer(request, socket);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'agent.sock'), resolve));
  agent = new AgentClient(join(folder, 'agent.sock'), systemClock);
});

afterEach(async () => {
  agent.close();
  for (const socket of sockets) socket.destroy();
  server.close();
  await rm(folder, { recursive: true });
});

/** As qemu-ga does: it complains of the delimiter, then answers with one. */
function proper(request: Request, socket: Socket): void {
  if (request.execute === 'guest-sync-delimited') {
    socket.write('{"error": {"class": "GenericError", "desc": "JSON parse error, stray character"}}\n');
    socket.write(Buffer.concat([Buffer.of(0xff), Buffer.from(`${JSON.stringify({ return: request.arguments?.['id'] })}\n`)]));
  } else if (request.execute === 'guest-get-host-name') {
    socket.write('{"return": {"host-name": "web"}}\n');
  } else {
    socket.write('{"return": {}}\n');
  }
}

const hasCode = (code: string) => (error: { code?: string }) => error.code === code;

test('gets into step, then asks; a second question needs no more than itself', async () => {
  await agent.ping(5000);
  assert.equal(await agent.hostName(5000), 'web');
  assert.equal(await agent.hostName(5000), 'web');
  assert.deepEqual(asked, ['guest-sync-delimited', 'guest-get-host-name', 'guest-get-host-name']);
});

test('many at once are asked one after the other', async () => {
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => agent.hostName(5000))), ['web', 'web', 'web', 'web']);
});

test('a guest without an agent is a timeout, and is answered when one starts', async () => {
  const held: [Request, Socket][] = [];
  answer = (request, socket) => held.push([request, socket]);
  await assert.rejects(agent.ping(50), hasCode('timeout'));
  const ping = agent.ping(5000);
  answer = proper;
  for (const [request, socket] of held) proper(request, socket);
  await ping;
});

test('after an agent that was asked again before it began, nothing is asked until it has answered the last time, too', async () => {
  const held: [Request, Socket][] = [];
  answer = (request, socket) => held.push([request, socket]);
  const ping = agent.ping(20_000);
  await waitFor('it is asked again', () => held.length === 2, { timeoutMs: 10_000 });
  const [[first, socket], [last]] = held as [[Request, Socket], [Request, Socket]];
  proper(first, socket);
  answer = (request, to) => (request.execute === 'guest-sync-delimited' ? held.push([request, to]) : proper(request, to));
  const name = agent.hostName(20_000);
  await assert.rejects(
    waitFor('it is asked too early', () => asked.length > 2, { timeoutMs: 200 }),
    hasCode('timeout'),
  );
  proper(last, socket);
  await ping;
  assert.equal(await name, 'web');
});

test('a question whose time was over before both were in step is never asked', async () => {
  const held: [Request, Socket][] = [];
  answer = (request, socket) => held.push([request, socket]);
  await assert.rejects(agent.hostName(30), hasCode('timeout'));
  answer = proper;
  for (const [request, socket] of held) proper(request, socket);
  await agent.ping(5000);
  await agent.ping(5000);
  assert.deepEqual(
    asked.filter((name) => name !== 'guest-sync-delimited'),
    [],
  );
});

test('what was left over by somebody before is skipped', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-sync-delimited') socket.write('pid": 7}}\n{"return": {"host-name": "stale"}}\n{"return": 77}\n');
    proper(request, socket);
  };
  assert.equal(await agent.hostName(5000), 'web');
});

test('an answer that comes too late is not taken for the next one’s', async () => {
  let late: Socket | undefined;
  answer = (request, socket) => {
    if (request.execute === 'guest-network-get-interfaces') late = socket;
    else proper(request, socket);
  };
  await assert.rejects(agent.interfaces(60), hasCode('timeout'));
  late?.write('{"return": []}\n');
  assert.equal(await agent.hostName(5000), 'web');
});

test('lies are refused by name and never believed', async () => {
  const lies: [string, unknown][] = [
    ['a number', 7],
    ['nothing', null],
    ['a list', ['web']],
    ['a host name of a kilobyte', { 'host-name': 'x'.repeat(1024) }],
    ['a host name that is none', { 'host-name': { length: 3 } }],
  ];
  for (const [, lie] of lies) {
    answer = (request, socket) => {
      if (request.execute === 'guest-get-host-name') socket.write(`${JSON.stringify({ return: lie })}\n`);
      else proper(request, socket);
    };
    await assert.rejects(agent.hostName(5000), /malformed host name/);
  }
  answer = (request, socket) => {
    if (request.execute === 'guest-network-get-interfaces')
      socket.write('{"return": [{"name": "eth0", "ip-addresses": [{"ip-address": "1.2.3.4; reboot"}]}]}\n');
    else proper(request, socket);
  };
  await assert.rejects(agent.interfaces(5000), /malformed address/);
});

test('a line without an end ends the conversation, and the next call begins a new one', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-get-host-name') socket.write('x'.repeat(5 * 1024 * 1024));
    else proper(request, socket);
  };
  await assert.rejects(agent.hostName(5000), hasCode('unavailable'));
  answer = proper;
  assert.equal(await agent.hostName(5000), 'web');
  assert.equal(sockets.length, 2);
});

/** Writes `piece` again and again, as fast as it is read, until 100 MB are written or nobody reads any more. Resolves with the bytes. */
function pour(socket: Socket, piece: Buffer): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let written = 0;
  const more = () => {
    while (!socket.destroyed && written < 100_000_000) {
      written += piece.length;
      if (!socket.write(piece)) return;
    }
    resolve(written);
  };
  socket.on('drain', more);
  socket.once('close', () => resolve(written));
  more();
  return promise;
}

test('of 100 MB without an end little is read, and nothing is kept', async () => {
  let poured: Promise<number> | undefined;
  answer = (request, socket) => {
    if (request.execute === 'guest-get-host-name') poured = pour(socket, Buffer.alloc(65_536, 'x'));
    else proper(request, socket);
  };
  const before = process.memoryUsage.rss();
  await assert.rejects(agent.hostName(20_000), hasCode('unavailable'));
  assert.ok(((await poured) ?? 0) < 10_000_000, `${await poured} bytes were taken`);
  assert.ok(process.memoryUsage.rss() - before < 100_000_000);
  answer = proper;
  assert.equal(await agent.hostName(5000), 'web');
});

test('100 MB of lines that answer nothing end with the time, and keep no memory', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-sync-delimited') void pour(socket, Buffer.from('{"return": "what nobody asked for"}\n'.repeat(2000)));
    else proper(request, socket);
  };
  const before = process.memoryUsage.rss();
  await assert.rejects(agent.ping(3000), (error: { code?: string }) => error.code === 'timeout' || error.code === 'unavailable');
  assert.ok(process.memoryUsage.rss() - before < 150_000_000);
  agent.close();
  await Promise.all(
    sockets.map((socket) => new Promise((resolve) => (socket.destroyed ? resolve(undefined) : socket.once('close', resolve)))),
  );
});

test('half an answer and then nothing is a timeout; its other half is nobody’s', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-get-host-name') socket.write('{"return": {"host-name": "we');
    else proper(request, socket);
  };
  await assert.rejects(agent.hostName(200), hasCode('timeout'));
  answer = (request, socket) => {
    if (request.execute === 'guest-sync-delimited') socket.write('ll, hello"}}\n');
    proper(request, socket);
  };
  assert.equal(await agent.hostName(5000), 'web');
});

test('the guest’s refusal carries its words, bounded', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-get-host-name') socket.write(`${JSON.stringify({ error: { desc: `no ${'x'.repeat(5000)}` } })}\n`);
    else proper(request, socket);
  };
  await assert.rejects(
    agent.hostName(5000),
    (error: Error) => error.message.startsWith('the guest agent refused: no xx') && error.message.length < 600,
  );
});

test('a program is polled until it ends, its output decoded', async () => {
  let polls = 0;
  answer = (request, socket) => {
    if (request.execute === 'guest-exec') socket.write('{"return": {"pid": 12}}\n');
    else if (request.execute !== 'guest-exec-status') proper(request, socket);
    else if (++polls < 3) socket.write('{"return": {"exited": false}}\n');
    else socket.write(`${JSON.stringify({ return: { exited: true, signal: 9, 'out-data': Buffer.from('häl').toString('base64') } })}\n`);
  };
  assert.deepEqual(await agent.exec(['/bin/x', 'y'], { timeoutMs: 5000 }), { code: 137, stdout: 'häl', stderr: '' });
});

test('a program that does not end is a timeout', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-exec') socket.write('{"return": {"pid": 12}}\n');
    else if (request.execute === 'guest-exec-status') socket.write('{"return": {"exited": false}}\n');
    else proper(request, socket);
  };
  await assert.rejects(agent.exec(['/bin/x'], { timeoutMs: 120 }), hasCode('timeout'));
});

test('a shutdown succeeds when the agent says nothing or is gone, and fails when it refuses', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-shutdown') socket.destroy();
    else proper(request, socket);
  };
  await agent.shutdown(5000);
  answer = (request, socket) => {
    if (request.execute !== 'guest-shutdown') proper(request, socket);
  };
  await agent.shutdown(5000);
  answer = (request, socket) => {
    if (request.execute === 'guest-shutdown') socket.write('{"error": {"desc": "not now"}}\n');
    else proper(request, socket);
  };
  await assert.rejects(agent.shutdown(5000), /refused: not now/);
});

test('a reset of the guest fails what waits, and the next question gets into step again', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-get-host-name') agent.noteReset();
    else proper(request, socket);
  };
  await assert.rejects(agent.hostName(5000), /reset meanwhile/);
  answer = proper;
  assert.equal(await agent.hostName(5000), 'web');
});

test('after close everything is refused', async () => {
  await agent.ping(5000);
  agent.close();
  await assert.rejects(agent.ping(5000), hasCode('unavailable'));
});

/** A guest with one file of 100,000 bytes. */
function withFile(request: Request, socket: Socket, told: (piece: Buffer, isEnd: boolean) => unknown): void {
  const file = Buffer.alloc(100_000, 'caisson');
  if (request.execute === 'guest-file-open') {
    position = 0;
    socket.write('{"return": 1000}\n');
  } else if (request.execute === 'guest-file-read') {
    const piece = file.subarray(position, position + Number(request.arguments?.['count']));
    position += piece.length;
    socket.write(`${JSON.stringify({ return: told(piece, position === file.length) })}\n`);
  } else proper(request, socket);
}
let position = 0;
const honest = (piece: Buffer, isEnd: boolean) => ({ count: piece.length, 'buf-b64': piece.toString('base64'), eof: isEnd });

test('a file is read in pieces, as far as wanted, and closed', async () => {
  answer = (request, socket) => withFile(request, socket, honest);
  const whole = await agent.readFile('/proc/net/tcp', { maxBytes: 200_000, timeoutMs: 5000 });
  assert.deepEqual([whole.content.length, whole.complete], [100_000, true]);
  assert.equal(whole.content.subarray(0, 7).toString(), 'caisson');
  const part = await agent.readFile('/proc/net/tcp', { maxBytes: 70_000, timeoutMs: 5000 });
  assert.deepEqual([part.content.length, part.complete], [70_000, false]);
  assert.equal(asked.filter((name) => name === 'guest-file-close').length, 2);
});

test('a file without an end, a piece larger than asked for and nonsense are refused, and the file is closed', async () => {
  answer = (request, socket) => withFile(request, socket, (piece) => ({ ...honest(piece, false) }));
  const endless = await agent.readFile('/x', { maxBytes: 100_001, timeoutMs: 5000 });
  assert.deepEqual([endless.content.length, endless.complete], [100_000, true]);
  for (const lie of [{ count: 9, 'buf-b64': Buffer.alloc(80_000).toString('base64'), eof: true }, { count: 9, eof: true }, 7, null]) {
    answer = (request, socket) => withFile(request, socket, () => lie);
    await assert.rejects(agent.readFile('/x', { maxBytes: 70_000, timeoutMs: 5000 }), /malformed piece of a file/);
  }
  assert.equal(asked.filter((name) => name === 'guest-file-close').length, 5);
});

test('what the guest gives as its reason cannot steer a terminal, nor pass for a line of ours', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-get-host-name')
      socket.write(
        `${JSON.stringify({ error: { class: 'GenericError', desc: 'no\u001b[2J\u001b]0;owned\u0007\ncaisson: all is well' } })}\n`,
      );
    else proper(request, socket);
  };
  await assert.rejects(agent.hostName(5000), { message: 'the guest agent refused: no�[2J�]0;owned� caisson: all is well' });
});

test('an answer made of brackets alone costs a moment, not the daemon', async () => {
  answer = (request, socket) => {
    if (request.execute === 'guest-get-host-name') {
      const deep = 900_000;
      socket.write(`{"return": ${'['.repeat(deep)}${']'.repeat(deep)}}\n`);
    } else proper(request, socket);
  };
  await assert.rejects(agent.hostName(20_000), /malformed host name/);
  answer = proper;
  assert.equal(await agent.hostName(5000), 'web');
});
