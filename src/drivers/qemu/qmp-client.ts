// A client of QEMU's monitor protocol. A guest may have taken QEMU over, so lines are bounded, answers are checked against
// the schema, and silence is an error after a time: nothing here waits for ever or believes what it reads.
//
// QEMU serves one client of a socket at a time and lets the next wait without a word: no greeting means stopped *or* taken.
import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import { readJsonLines } from '../../lib/json-lines.ts';
import { checkShape } from './check-shape.ts';
import { type QmpCommands, type QmpEvents, eventShapes, resultShapes } from './qmp-types.ts';
import { withDeadline } from './with-deadline.ts';

/** An answer to `query-machines` is 20 KiB; nothing that is used comes near this. */
const maxLineBytes = 1024 * 1024;

export type QmpEvent = { [N in keyof QmpEvents]: { name: N; data: QmpEvents[N] } }[keyof QmpEvents];

type Arguments<C extends keyof QmpCommands> = QmpCommands[C]['arguments'];
type Result<C extends keyof QmpCommands> = QmpCommands[C]['result'];

interface Waiting {
  command: keyof QmpCommands;
  resolve(value: unknown): void;
  reject(error: CaissonError): void;
}

export interface QmpOptions {
  clock: Clock;
  /** Unknown events, and known ones of an unknown form, are left out. */
  onEvent(event: QmpEvent): void;
  /** The conversation is over: QEMU ended, or said something that is not its protocol. Called once, not after `close`. */
  onClosed(why: CaissonError): void;
}

export class QmpClient {
  readonly #socket: Socket;
  readonly #options: QmpOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ready = Promise.withResolvers<void>();
  #greeted = false;
  #nextId = 1;
  #ended: CaissonError | undefined;

  private constructor(socket: Socket, options: QmpOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#ready.promise.catch(() => {});
    socket.on('error', (cause) => this.#end(new CaissonError('unavailable', 'the connection to QEMU broke', { cause })));
    socket.on('close', () => this.#end(new CaissonError('unavailable', 'QEMU closed the connection')));
    readJsonLines(socket, {
      maxBytes: maxLineBytes,
      onValue: (value) => this.#receive(value),
      onBad: (error) => this.#end(error),
    });
  }

  /**
   * Connects; QEMU may not have said anything yet: the first `execute` waits for its greeting.
   * Throws `unavailable` when nobody listens at `path`.
   */
  static async connect(path: string, options: QmpOptions): Promise<QmpClient> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = createConnection(path, resolve);
    socket.once('error', (cause) => reject(new CaissonError('unavailable', `no QEMU listens at ${path}`, { cause })));
    await promise;
    socket.removeAllListeners('error');
    return new QmpClient(socket, options);
  }

  /**
   * Throws `timeout` when QEMU says nothing in time (it may still carry the command out), `unavailable` when the connection
   * is over, `failed` with QEMU's own words when it refuses.
   */
  async execute<C extends keyof QmpCommands>(command: C, timeoutMs: number, args?: Arguments<C>): Promise<Result<C>> {
    const answer = this.#ready.promise.then(() => this.#send(command, args));
    return withDeadline(this.#options.clock, `QEMU's ${command}`, timeoutMs, answer);
  }

  /** Ends the conversation; QEMU runs on. */
  close(): void {
    this.#ended ??= new CaissonError('unavailable', 'the connection to QEMU was closed');
    this.#socket.destroy();
    this.#failWaiting(this.#ended);
  }

  #send<C extends keyof QmpCommands>(command: C, args?: Arguments<C>): Promise<Result<C>> {
    const { promise, resolve, reject } = Promise.withResolvers<Result<C>>();
    if (this.#ended) {
      reject(this.#ended);
      return promise;
    }
    const id = this.#nextId++;
    this.#waiting.set(id, { command, resolve, reject });
    this.#socket.write(`${JSON.stringify({ execute: command, ...(args === undefined ? {} : { arguments: args }), id })}\n`);
    return promise;
  }

  #receive(value: unknown): void {
    if (this.#ended || typeof value !== 'object' || value === null) return;
    const message = value as { QMP?: unknown; event?: unknown; data?: unknown; id?: unknown; return?: unknown; error?: unknown };
    if (message.QMP !== undefined && !this.#greeted) {
      this.#greeted = true;
      this.#send('qmp_capabilities').then(
        () => this.#ready.resolve(),
        (error: unknown) => this.#ready.reject(error),
      );
    } else if (typeof message.event === 'string') {
      this.#receiveEvent(message.event, message.data);
    } else if (typeof message.id === 'number') {
      this.#receiveAnswer(message.id, message);
    }
  }

  #receiveEvent(name: string, data: unknown): void {
    if (!Object.hasOwn(eventShapes, name)) return;
    const known = name as keyof QmpEvents;
    const content = data ?? {};
    if (checkShape(eventShapes[known], content)) return;
    this.#options.onEvent({ name: known, data: content } as QmpEvent);
  }

  #receiveAnswer(id: number, message: { return?: unknown; error?: unknown }): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    if (message.error !== undefined) {
      const said = String((message.error as { desc?: unknown })?.desc ?? 'no reason given').slice(0, 500);
      waiting.reject(new CaissonError('failed', `QEMU refused ${waiting.command}: ${said}`));
      return;
    }
    const wrong = checkShape(resultShapes[waiting.command], message.return);
    if (wrong) waiting.reject(new CaissonError('unavailable', `QEMU's answer to ${waiting.command}${wrong}`));
    else waiting.resolve(message.return);
  }

  #end(why: CaissonError): void {
    if (this.#ended) return;
    this.#ended = why;
    this.#socket.destroy();
    this.#failWaiting(why);
    this.#options.onClosed(why);
  }

  #failWaiting(why: CaissonError): void {
    this.#ready.reject(why);
    for (const waiting of this.#waiting.values()) waiting.reject(why);
    this.#waiting.clear();
  }
}
