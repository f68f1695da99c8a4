// The helper's end of the channel: requests in, answers, progress and events out. Nothing that comes in can end the helper but a
// line that is no JSON at all, which only a broken daemon sends.
import type { Duplex } from 'node:stream';
import { CaissonError, toCaissonError } from '../lib/errors.ts';
import { readJsonLines } from '../lib/json-lines.ts';
import type { Log } from '../lib/log.ts';
import type { HelperAnswer, HelperEvent, HelperVerb } from '../model/helper-protocol.ts';
import { object, text, whole } from './check.ts';

/** The rules of ten thousand flows in one line, and more than that. */
const maxLineBytes = 32 * 1024 * 1024;

export interface VerbContext {
  signal: AbortSignal;
  progress(value: Record<string, unknown>): void;
}

/** Each checks its arguments itself and does the work. */
export type VerbTable = { [V in HelperVerb]: (args: unknown, context: VerbContext) => Promise<unknown> };

const requestId = whole(0, Number.MAX_SAFE_INTEGER);
const anything = (value: unknown) => value ?? {};
const checkRequest = object({ id: requestId, verb: text(/^[a-zA-Z]{1,40}$/, 'the name of a verb'), args: anything });
const checkCancel = object({ cancel: requestId });

export interface Channel {
  emit(event: HelperEvent): void;
  /** Cancels what can be cancelled and resolves when every verb that was begun has ended. */
  close(): Promise<void>;
}

export function serveChannel(stream: Duplex, verbs: VerbTable, options: { log: Log; onClosed: (why: string) => void }): Channel {
  const { log } = options;
  const running = new Map<number, AbortController>();
  const works = new Set<Promise<void>>();
  const write = (value: unknown) => {
    if (stream.writable) stream.write(`${JSON.stringify(value)}\n`);
  };
  const answer = (value: HelperAnswer) => write(value);

  const work = async (id: number, verb: string, args: unknown) => {
    const abort = new AbortController();
    running.set(id, abort);
    try {
      if (!Object.hasOwn(verbs, verb)) throw new CaissonError('invalid', `there is no verb ${JSON.stringify(verb)}`);
      const progress = (value: Record<string, unknown>) => write({ id, progress: value });
      const value = await verbs[verb as HelperVerb](args, { signal: abort.signal, progress });
      answer({ id, ok: true, value: value ?? null });
    } catch (thrown) {
      const error = toCaissonError(thrown);
      if (error.code === 'invalid') log.warn('refused', { verb, why: error.message });
      else log.info('failed', { verb, code: error.code, error });
      if (error.code === 'internal') log.error('a defect', { verb, stack: error.cause instanceof Error ? error.cause.stack : undefined });
      answer({ id, ok: false, error: { code: error.code, message: error.message, ...(error.details && { details: error.details }) } });
    } finally {
      running.delete(id);
    }
  };

  const onValue = (value: unknown) => {
    try {
      if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'cancel')) {
        running.get(checkCancel(value, 'cancel').cancel)?.abort(new CaissonError('cancelled', 'the daemon cancelled it'));
        return;
      }
      const { id, verb, args } = checkRequest(value, 'request');
      if (running.has(id)) throw new CaissonError('invalid', `request ${id} is still being worked on`);
      const done = work(id, verb, args).finally(() => works.delete(done));
      works.add(done);
    } catch (thrown) {
      const { code, message } = toCaissonError(thrown);
      log.warn('refused', { why: message });
      answer({ id: 0, ok: false, error: { code, message } });
    }
  };

  let isClosed = false;
  const onClosed = (why: string) => {
    if (!isClosed) options.onClosed(why);
    isClosed = true;
  };
  readJsonLines(stream, { maxBytes: maxLineBytes, onValue, onBad: (error) => onClosed(error.message) });
  stream.on('error', (error) => onClosed(error.message));
  stream.on('end', () => onClosed('the daemon has ended'));
  stream.on('close', () => onClosed('the daemon closed the channel'));

  return {
    emit: write,
    async close() {
      for (const abort of running.values()) abort.abort(new CaissonError('cancelled', 'the helper is ending'));
      await Promise.allSettled(works);
      stream.destroy();
    },
  };
}
