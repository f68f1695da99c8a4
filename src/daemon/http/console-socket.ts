// A byte stream over a websocket, binary both ways. Neither side may fill the memory of the daemon: the stream is paused while
// the client does not read, the client's connection while the stream does not take. A client that does not even answer pings
// is cut off.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { describeError } from '../../lib/errors.ts';

export interface ConsoleSocketOptions {
  /** Between pings; two without an answer are the end. */
  pingMs: number;
  /** Bytes that may wait for the client. */
  bufferBytes: number;
}

export const consoleSocketDefaults: ConsoleSocketOptions = { pingMs: 20_000, bufferBytes: 256 * 1024 };

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
  let answered = true;
  const ping = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, options.pingMs);
  ping.unref();
  const close = (code: number, reason: string) => {
    // A reason has at most 123 bytes.
    socket.close(code, Buffer.from(reason).subarray(0, 120).toString('utf8').replace(/�$/, ''));
  };
  const abort = () => close(closeCodes.goingAway, describeError(signal.reason));

  stream.on('data', (chunk: Buffer) => {
    socket.send(chunk, { binary: true }, () => {
      if (socket.bufferedAmount < options.bufferBytes) stream.resume();
    });
    if (socket.bufferedAmount >= options.bufferBytes) stream.pause();
  });
  stream.on('end', () => close(closeCodes.normal, 'the console has ended'));
  stream.on('close', () => close(closeCodes.normal, 'the console has ended'));
  stream.on('error', (error) => close(closeCodes.failed, describeError(error)));

  socket.on('message', (data: Buffer) => {
    if (stream.writable && !stream.write(data)) socket.pause();
  });
  stream.on('drain', () => socket.resume());
  socket.on('pong', () => {
    answered = true;
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
