import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import type { WebSocket } from 'ws';
import { CaissonError } from '../../lib/errors.ts';
import { joinConsole } from './console-socket.ts';

/** A client whose line is the test's. */
class Client extends EventEmitter {
  bufferedAmount = 0;
  pings = 0;
  gone = false;
  closed: [number, string] | undefined;
  readonly #unsent: { bytes: number; sent: () => void }[] = [];

  ping(): void {
    this.pings++;
  }

  terminate(): void {
    this.gone = true;
    this.emit('close');
  }

  close(code: number, reason: Buffer | string): void {
    this.closed ??= [code, reason.toString()];
  }

  send(data: Buffer, _options: object, sent: () => void): void {
    this.bufferedAmount += data.length;
    this.#unsent.push({ bytes: data.length, sent });
  }

  /** The line takes what was given first. */
  take(): void {
    const first = this.#unsent.shift();
    this.bufferedAmount -= first?.bytes ?? 0;
    first?.sent();
  }

  pause(): void {}
  resume(): void {}
}

const options = { pingMs: 1000, bufferBytes: 64 };

function join(signal = new AbortController().signal) {
  const client = new Client();
  const ours = new PassThrough();
  joinConsole(client as unknown as WebSocket, ours, signal, options);
  return { client, ours };
}

const turn = () => new Promise(setImmediate);

// Within a group: at the top of a file it would be for all files that share the process.
describe('a console joined with a websocket', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
  afterEach(() => mock.timers.reset());

  test('who says nothing from one ping to the next is gone, and the console is let go', () => {
    const { client, ours } = join();
    mock.timers.tick(1000);
    assert.deepEqual([client.pings, client.gone], [1, false]);
    mock.timers.tick(1000);
    assert.equal(client.gone, true);
    assert.equal(ours.destroyed, true);
  });

  test('whoever answers, or says anything else, stays', () => {
    const { client } = join();
    for (const sign of ['pong', 'message', 'pong']) {
      mock.timers.tick(1000);
      client.emit(sign, Buffer.from('x'));
    }
    mock.timers.tick(1000);
    assert.deepEqual([client.pings, client.gone], [4, false]);
  });

  test('on a slow line, taking some of what waits is a sign of life; on an idle one the line’s own buffer is none', async () => {
    const slow = join();
    for (let chunk = 0; chunk < 4; chunk++) slow.ours.write(Buffer.alloc(20));
    await turn();
    for (let ping = 0; ping < 3; ping++) {
      mock.timers.tick(1000);
      slow.client.take();
    }
    assert.deepEqual([slow.client.pings, slow.client.gone], [3, false]);
    mock.timers.tick(1000);
    mock.timers.tick(1000);
    assert.equal(slow.client.gone, true, 'once it takes nothing more');

    const dead = join();
    mock.timers.tick(1000);
    dead.ours.write(Buffer.alloc(20));
    await turn();
    dead.client.take();
    mock.timers.tick(1000);
    assert.equal(dead.client.gone, true);
  });

  test('whoever may not any more types nothing from that moment on, even without hanging up', async () => {
    const ending = new AbortController();
    const { client, ours } = join(ending.signal);
    client.emit('message', Buffer.from('before'));
    ending.abort(new CaissonError('unauthorized', 'you are signed out'));
    client.emit('message', Buffer.from('after'));
    await turn();
    assert.deepEqual(client.closed, [1001, 'you are signed out']);
    assert.equal(ours.destroyed, true);
  });

  test('a client that does not read holds the console back', async () => {
    const { client, ours } = join();
    for (let chunk = 0; chunk < 100; chunk++) ours.write(Buffer.alloc(20));
    await turn();
    assert.ok(client.bufferedAmount <= options.bufferBytes + 20, `${client.bufferedAmount}`);
    assert.equal(ours.isPaused(), true);
    client.take();
    await turn();
    assert.ok(client.bufferedAmount > options.bufferBytes - 20, 'and gets the rest as it reads');
  });
});
