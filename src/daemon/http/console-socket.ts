// A byte stream over a websocket, binary both ways. Neither side may fill the memory of the daemon: the stream is paused while
// the client does not read, the client's connection while the stream does not take. A client that gives no sign of life is cut off: it
// neither answers a ping nor says anything, nor takes any of what has been waiting for it.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { describeError } from '../../lib/errors.ts';

export interface ConsoleSocketOptions {
  /** Between pings: who gives no sign of life from one to the next is gone. */
  pingMs: number;
  /** Bytes that may wait for the client. */
  bufferBytes: number;
}

export const consoleSocketDefaults: ConsoleSocketOptions = { pingMs: 10_000, bufferBytes: 256 * 1024 };

/** Largest message that a client may send: a paste. */
export const maxMessageBytes = 1024 * 1024;

const closeCodes = { normal: 1000, goingAway: 1001, failed: 1011 } as const;

/** Joins the two until either ends; then the other ends too. */
export function joinConsole(
  socket: WebSocket,
  stream: Duplex,
  signal: AbortSignal,
  options: ConsoleSocketOptions = consoleSocketDefaults,
): void {
  let isAlive = true;
  /** Bytes that waited at the last ping; on a slow line the ping stands behind them. */
  let waiting = 0;
  const ping = setInterval(() => {
    if (!isAlive) return socket.terminate();
    isAlive = false;
    waiting = socket.bufferedAmount;
    socket.ping();
  }, options.pingMs);
  ping.unref();
  const close = (code: number, reason: string) => {
    // A reason has at most 123 bytes.
    socket.close(code, Buffer.from(reason).subarray(0, 120).toString('utf8').replace(/�$/, ''));
  };
  const abort = () => {
    close(closeCodes.goingAway, describeError(signal.reason));
    // At once: a client that may not any more, and does not answer, would go on typing.
    stream.destroy();
  };

  stream.on('data', (chunk: Buffer) => {
    socket.send(chunk, { binary: true }, () => {
      if (waiting > 0) isAlive = true;
      if (socket.bufferedAmount < options.bufferBytes) stream.resume();
    });
    if (socket.bufferedAmount >= options.bufferBytes) stream.pause();
  });
  const ended = 'the guest was stopped, or its QEMU ended';
  stream.on('end', () => close(closeCodes.normal, ended));
  stream.on('close', () => close(closeCodes.normal, ended));
  stream.on('error', (error) => close(closeCodes.failed, describeError(error)));

  socket.on('message', (data: Buffer) => {
    isAlive = true;
    if (stream.writable && !stream.write(data)) socket.pause();
  });
  stream.on('drain', () => socket.resume());
  socket.on('pong', () => {
    isAlive = true;
  });
  // What the client did wrong is in the close that follows.
  socket.on('error', () => {});
  socket.on('close', () => {
    clearInterval(ping);
    signal.removeEventListener('abort', abort);
    stream.destroy();
  });
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
}
