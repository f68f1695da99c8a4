// The daemon's end of the channel to the root helper: typed calls, progress, events. When the channel closes every call that waits
// fails with `unavailable`, and `onClosed` is told once: the daemon then ends, and guests go on.
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { CaissonError, type ErrorCode, errorCodes } from '../../lib/errors.ts';
import { readJsonLines } from '../../lib/json-lines.ts';
import type { HelperArgs, HelperError, HelperEvent, HelperValue, HelperVerb } from '../../model/helper-protocol.ts';
import type { NetworkHelper } from '../../model/network-helper.ts';

export interface CallOptions {
  /** Asks the helper to cancel; the call then ends as the verb does. */
  signal?: AbortSignal;
  onProgress?: (progress: Record<string, unknown>) => void;
  /** `timeout` after this long; default 120,000, and none for image work. */
  timeoutMs?: number;
}

/** What drivers take as a parameter. */
export interface HelperCaller {
  call<V extends HelperVerb>(verb: V, args: HelperArgs<V>, options?: CallOptions): Promise<HelperValue<V>>;
  /** Returns what ends it. */
  onEvent(listener: (event: HelperEvent) => void): () => void;
}

export interface HelperClient extends HelperCaller {
  close(): void;
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: CaissonError) => void;
  onProgress: CallOptions['onProgress'];
}

const maxLineBytes = 64 * 1024 * 1024;
const defaultTimeoutMs = 120_000;
const unlimited: ReadonlySet<HelperVerb> = new Set<HelperVerb>(['imageBuild', 'imageFetch']);

/** The channel that the helper has given this process. */
export function openHelperChannel(options: { fd?: number; onClosed: (why: string) => void }): HelperClient {
  const fd = options.fd ?? 3;
  let socket: Socket;
  try {
    socket = new Socket({ fd, readable: true, writable: true });
  } catch (cause) {
    throw new CaissonError(
      'unavailable',
      `file descriptor ${fd} is not a channel to the helper: start the daemon by \`caisson daemon\`, as root`,
      { cause },
    );
  }
  return connectHelper(socket, options);
}

export function connectHelper(stream: Duplex, options: { onClosed: (why: string) => void }): HelperClient {
  const waiting = new Map<number, Waiting>();
  const listeners = new Set<(event: HelperEvent) => void>();
  let lastId = 0;
  let closed: string | undefined;

  const onClosed = (why: string) => {
    if (closed !== undefined) return;
    closed = why;
    for (const [id, { reject }] of waiting) {
      waiting.delete(id);
      reject(gone(why));
    }
    stream.destroy();
    options.onClosed(why);
  };

  const onValue = (value: unknown) => {
    const said = value as {
      id?: number;
      ok?: boolean;
      value?: unknown;
      error?: HelperError;
      progress?: Record<string, unknown>;
      event?: string;
    };
    if (said.event !== undefined) {
      for (const listener of listeners) listener(value as HelperEvent);
      return;
    }
    const call = waiting.get(said.id ?? -1);
    if (!call) return;
    if (said.progress) {
      call.onProgress?.(said.progress);
      return;
    }
    waiting.delete(said.id as number);
    if (said.ok === true) call.resolve(said.value);
    else call.reject(asError(said.error));
  };

  readJsonLines(stream, { maxBytes: maxLineBytes, onValue, onBad: (error) => onClosed(error.message) });
  stream.on('error', (error: Error) => onClosed(error.message));
  stream.on('close', () => onClosed('the helper closed the channel'));
  stream.on('end', () => onClosed('the helper has ended'));

  return {
    async call(verb, args, callOptions = {}) {
      if (closed !== undefined) throw gone(closed);
      const { signal, onProgress } = callOptions;
      if (signal?.aborted) throw new CaissonError('cancelled', `${verb} was cancelled`, { cause: signal.reason });
      const id = ++lastId;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      waiting.set(id, { resolve, reject, onProgress });
      stream.write(`${JSON.stringify({ id, verb, args })}\n`);
      const cancel = () => void (closed === undefined && stream.write(`${JSON.stringify({ cancel: id })}\n`));
      signal?.addEventListener('abort', cancel, { once: true });
      const timeoutMs = callOptions.timeoutMs ?? (unlimited.has(verb) ? undefined : defaultTimeoutMs);
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => {
              waiting.delete(id);
              cancel();
              reject(new CaissonError('timeout', `the helper has not answered ${verb} after ${timeoutMs} ms`));
            }, timeoutMs);
      try {
        return (await promise) as HelperValue<typeof verb>;
      } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
      }
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      options = { ...options, onClosed: () => undefined };
      onClosed('the daemon closed the channel');
    },
  };
}

/** The network's verbs as methods, which is how the network driver takes them. */
export function networkHelper(caller: HelperCaller): NetworkHelper {
  return {
    rulesApply: (args) => caller.call('rulesApply', args),
    rulesRead: (args) => caller.call('rulesRead', args),
    zonesCheck: (args) => caller.call('zonesCheck', args),
    zonesApply: (args) => caller.call('zonesApply', args),
    nicUp: (args) => caller.call('nicUp', args),
    nicDown: (args) => caller.call('nicDown', args),
    changesWatch: (args) => caller.call('changesWatch', args),
    wiringCheck: (args) => caller.call('wiringCheck', args),
    routersAsk: (args) => caller.call('routersAsk', args),
    linksRead: (args) => caller.call('linksRead', args),
    dnsmasqStart: (args) => caller.call('dnsmasqStart', args),
    dnsmasqReload: (args) => caller.call('dnsmasqReload', args),
    dnsmasqStop: (args) => caller.call('dnsmasqStop', args),
    dnsmasqStatus: (args) => caller.call('dnsmasqStatus', args),
    networkRemove: (args) => caller.call('networkRemove', args),
  };
}

function gone(why: string): CaissonError {
  return new CaissonError('unavailable', `the helper is gone: ${why}`);
}

function asError(error: HelperError | undefined): CaissonError {
  const code = error && Object.hasOwn(errorCodes, error.code) ? (error.code as ErrorCode) : 'internal';
  return new CaissonError(code, error?.message ?? 'the helper failed without saying why', {
    ...(error?.details && { details: error.details }),
  });
}
