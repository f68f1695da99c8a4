// Newline-delimited JSON over a stream with a bound: QMP, the guest agent, the helper. The other side may be hostile, so a
// line longer than `maxBytes` ends the conversation instead of filling our memory.
import type { Readable } from 'node:stream';
import { CaissonError } from './errors.ts';

/**
 * Calls `onValue` for each line that parses as JSON. A line that is too long or not JSON calls `onBad` once with why,
 * and nothing more is read.
 */
export function readJsonLines(
  stream: Readable,
  options: { maxBytes: number; onValue: (value: unknown) => void; onBad: (error: CaissonError) => void },
): void {
  let pending: Buffer[] = [];
  let size = 0;
  const fail = (message: string, cause?: unknown) => {
    stream.off('data', onData);
    pending = [];
    options.onBad(new CaissonError('unavailable', message, { cause }));
  };
  const onData = (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(10, from); end !== -1; end = chunk.indexOf(10, from)) {
      const part = chunk.subarray(from, end);
      if (size + part.length > options.maxBytes) return fail(`a line longer than ${options.maxBytes} bytes`);
      const line = Buffer.concat([...pending, part])
        .toString('utf8')
        .trim();
      pending = [];
      size = 0;
      from = end + 1;
      if (line === '') continue;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch (cause) {
        return fail('a line that is not JSON', cause);
      }
      options.onValue(value);
    }
    const rest = chunk.subarray(from);
    if (rest.length === 0) return;
    size += rest.length;
    if (size > options.maxBytes) return fail(`a line longer than ${options.maxBytes} bytes`);
    pending.push(rest);
  };
  stream.on('data', onData);
}
