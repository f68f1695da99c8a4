// A client of qemu-guest-agent. Whatever answers inside the guest may be hostile: lines are bounded, answers checked, times
// limited, and an answer that came too late is never taken for the next one's.
//
// One question sent before the agent starts waits in QEMU and is answered at once when it does, so nobody has to ask again
// and again; after a reset of the guest it may be lost, so it is repeated, ever more seldom. Only the answer to the last one
// brings both sides into step: after an earlier one the answers to the others would still be on their way.
import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import { harmlessLine } from '../../lib/harmless.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import type { GuestAgent, GuestInterface } from '../hypervisor.ts';
import { parseCpus, parseExecStatus, parseFileHandle, parseFilePiece, parseHostName, parseInterfaces, parsePid } from './agent-answers.ts';
import { withDeadline } from './with-deadline.ts';

/** The agent itself cuts a program's output at 16 MiB; more than this is not for us: made of brackets it takes 25 times the memory. */
const maxLineBytes = 2 * 1024 * 1024;

/** Of a file, read at once. */
const maxPieceBytes = 64 * 1024;

/** For closing a file whose content nobody waits for any more. */
const closeFileMs = 2000;

/** Sent again after this while nobody answers, and twice as long from time to time: an agent slower than this is to be met, too. */
const syncAgainMs = 1000;
const longestSyncAgainMs = 32_000;

/** Put before the answer to `guest-sync-delimited`: no JSON text holds it, and no other answer begins with it. */
const delimiter = 0xff;

/** The agent says nothing when it shuts down, so silence for this long is success. */
const refusalMs = 300;

/** Between two looks at whether a new processor is known. */
const cpuEveryMs = 100;

interface Connection {
  socket: Socket;
  isSynced: boolean;
  /** The last one sent, until it is answered. */
  sync: { id: number; againAt: number; againMs: number } | undefined;
  /** Settled when both sides come into step, or the guest was reset. */
  onChange: PromiseWithResolvers<void>;
  /** Settled by the next answer. */
  waiting: PromiseWithResolvers<unknown> | undefined;
}

export class AgentClient implements GuestAgent {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #turns = new KeyedLock();
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #nextSync = 1;
  #closed = false;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Getting into step is what a ping is for; unlike a command, that is tried again when a reset of the guest swallows it. */
  async ping(timeoutMs: number): Promise<void> {
    await this.#turn(timeoutMs, () => Promise.resolve(), true);
  }

  /** The guest was reset: nobody will answer what was asked. */
  noteReset(): void {
    const connection = this.#connection;
    if (!connection) return;
    connection.isSynced = false;
    connection.sync = undefined;
    connection.waiting?.reject(new CaissonError('unavailable', 'the guest was reset meanwhile'));
    connection.waiting = undefined;
    tellChange(connection);
  }

  async hostName(timeoutMs: number): Promise<string> {
    return parseHostName(await this.#call('guest-get-host-name', timeoutMs));
  }

  /** Waits until its system knows `count` processors, and has it use all that it knows. How many it uses then. */
  async onlineCpus(count: number, timeoutMs: number): Promise<number> {
    const until = this.#clock.monotonic() + timeoutMs;
    for (;;) {
      const left = Math.max(1, until - this.#clock.monotonic());
      const known = parseCpus(await this.#call('guest-get-vcpus', left));
      const idle = known.filter((cpu) => !cpu.online);
      if (idle.length > 0) {
        const vcpus = idle.map(({ id }) => ({ 'logical-id': id, online: true }));
        await this.#call('guest-set-vcpus', left, { vcpus });
      } else if (known.length >= count || left === 1) return known.length;
      await this.#clock.sleep(Math.min(left, cpuEveryMs));
    }
  }

  async interfaces(timeoutMs: number): Promise<GuestInterface[]> {
    return parseInterfaces(await this.#call('guest-network-get-interfaces', timeoutMs));
  }

  async exec(
    argv: readonly string[],
    options: { timeoutMs: number; stdin?: string },
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const [path, ...arg] = argv;
    const until = this.#clock.monotonic() + options.timeoutMs;
    const left = () => Math.max(1, until - this.#clock.monotonic());
    const input = options.stdin === undefined ? {} : { 'input-data': Buffer.from(options.stdin).toString('base64') };
    const pid = parsePid(await this.#call('guest-exec', left(), { path, arg, 'capture-output': true, ...input }));
    for (let pauseMs = 5; ; pauseMs = Math.min(pauseMs * 2, 250)) {
      const status = parseExecStatus(await this.#call('guest-exec-status', left(), { pid }));
      if (status) return status;
      if (left() <= 1) throw new CaissonError('timeout', `${path} in the guest took longer than ${options.timeoutMs} ms`);
      await this.#clock.sleep(Math.min(pauseMs, left()));
    }
  }

  async readFile(path: string, options: { maxBytes: number; timeoutMs: number }): Promise<{ content: Buffer; complete: boolean }> {
    const { maxBytes, timeoutMs } = options;
    const until = this.#clock.monotonic() + timeoutMs;
    const left = () => Math.max(1, until - this.#clock.monotonic());
    const handle = parseFileHandle(await this.#call('guest-file-open', left(), { path, mode: 'r' }));
    const pieces: Buffer[] = [];
    let size = 0;
    try {
      // One byte more than wanted tells whether that is all. A piece without a byte is the end, whatever the guest says.
      for (let isEnd = false; !isEnd && size <= maxBytes;) {
        const count = Math.min(maxPieceBytes, maxBytes + 1 - size);
        const piece = parseFilePiece(await this.#call('guest-file-read', left(), { handle, count }), count);
        pieces.push(piece.bytes);
        size += piece.bytes.length;
        isEnd = piece.isEnd || piece.bytes.length === 0;
      }
    } finally {
      await this.#call('guest-file-close', closeFileMs, { handle }).catch(() => undefined);
    }
    return { content: Buffer.concat(pieces).subarray(0, maxBytes), complete: size <= maxBytes };
  }

  async shutdown(timeoutMs: number): Promise<void> {
    await this.#turn(timeoutMs, async (connection) => {
      // A guest that goes down takes the conversation with it.
      const refusal = this.#ask(connection, 'guest-shutdown', { mode: 'powerdown' }).catch((error: unknown) => {
        if (!(error instanceof CaissonError && error.code === 'unavailable')) throw error;
      });
      refusal.catch(() => {});
      const silence = new AbortController();
      const done = this.#clock.sleep(Math.min(refusalMs, timeoutMs), silence.signal);
      done.catch(() => {});
      await Promise.race([refusal, done]).finally(() => silence.abort());
      connection.isSynced = false;
    });
  }

  close(): void {
    this.#closed = true;
    this.#connection?.socket.destroy();
  }

  #call(command: string, timeoutMs: number, args?: object): Promise<unknown> {
    return this.#turn(timeoutMs, (connection) => this.#ask(connection, command, args));
  }

  /** One at a time: the agent has no request numbers. Whatever is not answered in time leaves the conversation out of step. */
  async #turn<T>(timeoutMs: number, work: (connection: Connection) => Promise<T>, anew = false): Promise<T> {
    const until = this.#clock.monotonic() + timeoutMs;
    let used: Connection | undefined;
    let isOver = false;
    const turn = this.#turns.with('turn', async () => {
      const left = until - this.#clock.monotonic();
      if (left <= 0) return undefined as T; // its caller has been told already
      const answer = (async () => {
        used = await this.#open();
        used.socket.resume();
        if (anew) used.isSynced = false;
        await this.#sync(used, () => (isOver ? 0 : until - this.#clock.monotonic()));
        return work(used);
      })();
      try {
        return await withDeadline(this.#clock, 'the guest agent', left, answer);
      } catch (error) {
        isOver = true;
        if (used) {
          used.isSynced = false;
          used.waiting = undefined;
        }
        throw error;
      } finally {
        // A guest that talks unasked fills its own channel, not our time.
        used?.socket.pause();
      }
    });
    return withDeadline(this.#clock, 'the guest agent', timeoutMs, turn).finally(() => (isOver = true));
  }

  #ask(connection: Connection, command: string, args?: object): Promise<unknown> {
    connection.waiting = Promise.withResolvers<unknown>();
    connection.socket.write(`${JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }) })}\n`);
    return connection.waiting.promise;
  }

  /** Until both sides are in step; nothing is asked of an agent once its time is over. */
  async #sync(connection: Connection, leftMs: () => number): Promise<void> {
    for (;;) {
      const left = leftMs();
      if (left <= 0) throw new CaissonError('timeout', 'the guest agent: no answer in time');
      if (connection.isSynced) return;
      // Nothing more is queued while QEMU takes nothing: the guest may have no agent at all.
      const now = this.#clock.monotonic();
      const isDue = !connection.sync || now >= connection.sync.againAt;
      if (isDue && connection.socket.writableLength === 0) this.#sendSync(connection, now);
      const again = new AbortController();
      const pause = this.#clock.sleep(Math.max(1, Math.min((connection.sync?.againAt ?? Infinity) - now, left)), again.signal);
      pause.catch(() => {});
      await Promise.race([connection.onChange.promise, pause]).finally(() => again.abort());
    }
  }

  #sendSync(connection: Connection, now: number): void {
    const againMs = connection.sync ? Math.min(connection.sync.againMs * 2, longestSyncAgainMs) : syncAgainMs;
    const id = this.#nextSync++;
    connection.sync = { id, againAt: now + againMs, againMs };
    connection.socket.write(
      Buffer.concat([Buffer.of(delimiter), Buffer.from(`${JSON.stringify({ execute: 'guest-sync-delimited', arguments: { id } })}\n`)]),
    );
  }

  async #open(): Promise<Connection> {
    if (this.#closed) throw new CaissonError('unavailable', 'the guest does not run');
    if (this.#connection) return this.#connection;
    this.#opening ??= this.#connect().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  async #connect(): Promise<Connection> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = createConnection(this.#path, resolve);
    socket.once('error', (cause) => reject(new CaissonError('unavailable', 'the guest has no agent channel', { cause })));
    await promise;
    socket.removeAllListeners('error');
    const connection: Connection = {
      socket,
      isSynced: false,
      sync: undefined,
      onChange: Promise.withResolvers<void>(),
      waiting: undefined,
    };
    connection.onChange.promise.catch(() => {});
    const end = () => {
      if (this.#connection === connection) this.#connection = undefined;
      const error = new CaissonError('unavailable', 'the conversation with the guest agent ended');
      connection.waiting?.reject(error);
      connection.onChange.reject(error);
      socket.destroy();
    };
    socket.on('error', end);
    socket.on('close', end);
    readAnswers(socket, (line) => receive(connection, line), end);
    if (this.#closed) socket.destroy();
    this.#connection = connection;
    return connection;
  }
}

function tellChange(connection: Connection): void {
  connection.onChange.resolve();
  connection.onChange = Promise.withResolvers<void>();
  connection.onChange.promise.catch(() => {});
}

function receive(connection: Connection, line: Buffer): void {
  const start = line.lastIndexOf(delimiter) + 1;
  let message: { return?: unknown; error?: unknown };
  try {
    const value: unknown = JSON.parse(line.subarray(start).toString('utf8'));
    if (typeof value !== 'object' || value === null) return;
    message = value;
  } catch {
    return; // the rest of something that began before us
  }
  if (start > 0 && connection.sync?.id === message.return) {
    connection.sync = undefined;
    connection.isSynced = true;
    return tellChange(connection);
  }
  // The agent complains of the delimiter before it answers a sync: that is no answer to us.
  if (!connection.isSynced || !connection.waiting) return;
  const { waiting } = connection;
  connection.waiting = undefined;
  if (message.error === undefined) return waiting.resolve(message.return);
  const { desc } = (message.error ?? {}) as { desc?: unknown };
  const said = typeof desc === 'string' ? harmlessLine(desc.slice(0, 500)) : 'no reason given';
  waiting.reject(new CaissonError('failed', `the guest agent refused: ${said}`));
}

/** Lines of bounded length; a longer one ends the conversation. */
function readAnswers(socket: Socket, onLine: (line: Buffer) => void, onBad: () => void): void {
  let pending: Buffer[] = [];
  let size = 0;
  socket.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...pending, chunk.subarray(from, end)]);
      pending = [];
      size = 0;
      from = end + 1;
      if (line.length > 0 && line.length <= maxLineBytes) onLine(line);
    }
    const rest = chunk.subarray(from);
    size += rest.length;
    if (size > maxLineBytes) onBad();
    else if (rest.length > 0) pending.push(rest);
  });
}
