// Server-sent events. A client that does not read may hold back at most a bounded buffer for a bounded time; then it is cut
// off, and goes on with `Last-Event-ID` when it comes back. Others never notice.
import type { ServerResponse } from 'node:http';
import type { StreamItem } from './handlers-type.ts';
import { answerOf } from './refusal.ts';

export interface EventStreamOptions {
  /** A comment is sent after this much silence, so that both sides see that the other is there. */
  heartbeatMs: number;
  /** A client that has not taken what is waiting for it after this time is cut off. */
  stallMs: number;
  /** Bytes that may wait for the client before the source is asked for more. */
  bufferBytes: number;
}

export const eventStreamDefaults: EventStreamOptions = { heartbeatMs: 15_000, stallMs: 15_000, bufferBytes: 64 * 1024 };

/**
 * Sends the items until the source ends, `signal` aborts or the client is gone, and lets go of the source in every case. Resolves
 * when it is over; an error of the source is the last thing that the client gets, and is thrown.
 */
export async function sendEvents(
  response: ServerResponse,
  items: AsyncIterable<StreamItem>,
  signal: AbortSignal,
  options: EventStreamOptions,
): Promise<void> {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.flushHeaders();
  const heartbeat = setInterval(() => {
    if (response.writableLength < options.bufferBytes) response.write(':\n\n');
  }, options.heartbeatMs);
  heartbeat.unref();
  try {
    for await (const item of untilAborted(items, signal)) {
      heartbeat.refresh();
      response.write(renderEvent(item));
      if (response.writableLength >= options.bufferBytes && !(await drained(response, options.stallMs, signal))) {
        response.destroy();
        return;
      }
    }
    // Without its proper end, so that the client knows that there would have been more.
    if (signal.aborted) response.destroy();
    else response.end();
  } catch (error) {
    const { problem } = answerOf(error);
    response.end(`event: problem\ndata: ${JSON.stringify(problem)}\n\n`);
    throw error;
  } finally {
    clearInterval(heartbeat);
  }
}

/** One event in the wire's form; JSON has no line breaks outside of strings, and escapes those inside. */
export function renderEvent(item: StreamItem): string {
  return `${item.id === undefined ? '' : `id: ${item.id}\n`}data: ${JSON.stringify(item.data)}\n\n`;
}

/** The items, ended by the signal also when the source does not watch it. */
async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  const aborted = Promise.withResolvers<IteratorReturnResult<undefined>>();
  const abort = () => aborted.resolve({ done: true, value: undefined });
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    for (;;) {
      const next = iterator.next();
      next.catch(() => {}); // an error after the abort has nobody to tell
      const result = await Promise.race([next, aborted.promise]);
      if (result.done) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener('abort', abort);
    // Not awaited: a source that waits for its next item ends only then.
    iterator.return?.(undefined).then(
      () => {},
      () => {},
    );
  }
}

/** True once nothing of importance waits for the client any more; false when it took too long or is gone. */
function drained(response: ServerResponse, stallMs: number, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const settle = (value: boolean) => {
    clearTimeout(timer);
    response.off('drain', good);
    response.off('close', bad);
    signal.removeEventListener('abort', bad);
    resolve(value);
  };
  const good = () => settle(true);
  const bad = () => settle(false);
  const timer = setTimeout(bad, stallMs);
  if (signal.aborted || response.destroyed) bad();
  else if (!response.writableNeedDrain) good();
  response.on('drain', good);
  response.on('close', bad);
  signal.addEventListener('abort', bad, { once: true });
  return promise;
}
