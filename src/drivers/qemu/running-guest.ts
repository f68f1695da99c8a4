// One guest with a process: its monitor, what was last seen of it, and how it ended. It is never told what state a guest is in,
// it asks; and it believes that a process is gone only when the kernel says so.
import { existsSync } from 'node:fs';
import type { Clock } from '../../lib/clock.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { waitFor } from '../../lib/wait-for.ts';
import type { HypervisorEvent, Observation } from '../hypervisor.ts';
import { AgentClient } from './agent-client.ts';
import { ConsoleShare } from './console-share.ts';
import type { GuestExit, GuestProcess, GuestProcesses } from './guest-processes.ts';
import { GuestScreen } from './guest-screen.ts';
import { lastWords } from './last-words.ts';
import { type RunState, isSameObservation, observationOf } from './observe-status.ts';
import { isAlive } from './process-stat.ts';
import { QmpClient, type QmpEvent } from './qmp-client.ts';
import type { QmpCommands } from './qmp-types.ts';
import { withDeadline } from './with-deadline.ts';

/** A QEMU that says nothing for this long is unresponsive. The longest that it was seen busy is 0.3 s, saving a state. */
export const silentAfterMs = 2000;

/** Commands other than questions about the state. */
const commandTimeoutMs = 10_000;

/** After this, a QEMU that was asked to end is killed. */
const quitGraceMs = 1500;

/** A killed process is gone at once, unless the kernel waits for something on its behalf. */
const killedTimeoutMs = 30_000;

/** A firmware that is reset resets the machine once more to start clean: both are one reboot. */
const sameRebootMs = 5000;

/** QEMU makes its sockets within 30 ms; on an overloaded host it takes longer. */
const listenTimeoutMs = 30_000;

/** What QEMU said at its end is told by the helper, usually this soon after the process is seen to be gone. */
const lastWordsMs = 40;

/** Why a guest did not start is worth waiting for. */
const lastWordsOfStartMs = 1000;

export interface RunningGuestParts {
  clock: Clock;
  log: Log;
  processes: GuestProcesses;
  emit(event: HypervisorEvent): void;
  /** Folder of the sockets. */
  socketFolder: string;
  consoleLogPath: string;
}

export class RunningGuest {
  readonly process: GuestProcess;
  readonly agent: AgentClient;
  readonly console: ConsoleShare;
  readonly screen: GuestScreen;
  readonly #parts: RunningGuestParts;
  readonly #gone = Promise.withResolvers<void>();
  #qmp: QmpClient | undefined;
  #connecting: Promise<QmpClient> | undefined;
  #asking: Promise<RunState> | undefined;
  #last: Observation | undefined;
  #noSpace = false;
  #rebootedAt = -Infinity;
  /** Why it will end, once that is known. */
  #ending: 'stopped' | 'shut-down' | undefined;
  #said = '';
  readonly #exitNoted = Promise.withResolvers<void>();
  #finishing: Promise<void> | undefined;
  #ended = false;
  /** Its start has been told of, so its end will be. */
  #announced: boolean;
  #released = false;

  /** `isNew`: it is just being started; whoever starts it says when that has worked. */
  constructor(process: GuestProcess, parts: RunningGuestParts, isNew: boolean) {
    this.process = process;
    this.#announced = !isNew;
    this.#parts = parts;
    this.agent = new AgentClient(`${parts.socketFolder}/agent.sock`, parts.clock);
    this.console = new ConsoleShare(`${parts.socketFolder}/console.sock`, parts.consoleLogPath);
    this.screen = new GuestScreen(`${parts.socketFolder}/vnc.sock`, parts.clock);
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** What QEMU said last on its standard error; empty while that is not known. */
  get lastWords(): string {
    return lastWords(this.#said);
  }

  /** Resolves when the process is gone. */
  whenGone(): Promise<void> {
    return this.#gone.promise;
  }

  /** From now on the end of the process is an event, no failure to start. */
  announce(): void {
    this.#announced = true;
  }

  /** Connects as soon as QEMU listens; resolves as well when it ends before. */
  async awaitListening(): Promise<void> {
    const path = `${this.#parts.socketFolder}/qmp.sock`;
    let rounds = 0;
    await waitFor(
      `QEMU of guest ${this.process.uid} to listen`,
      async () => {
        // The helper tells of an end; one that it has missed is found now and then.
        if (this.#ended || (rounds++ % 50 === 49 && (await this.#isGone()))) return true;
        return existsSync(path) && this.#connect().catch(() => undefined);
      },
      { timeoutMs: listenTimeoutMs, everyMs: 3, clock: this.#parts.clock },
    );
  }

  /** Asks QEMU how the guest is; `unresponsive` when it does not say. */
  async observe(limitMs = silentAfterMs): Promise<Observation> {
    const { pid, startedAt } = this.process;
    let seen: Observation;
    try {
      seen = observationOf(await this.#runState(limitMs), this.process, this.#noSpace);
    } catch {
      if (await this.#isGone()) {
        await this.#finish();
        return { state: 'stopped' };
      }
      seen = { state: 'unresponsive', pid, startedAt };
      // One that is just ending is silent on its way.
      if (this.#ending) return seen;
    }
    this.#remember(seen);
    // Shut down while nobody watched: what is left to do is the same as when we had heard it.
    if (seen.state === 'halted' && seen.why === 'shut-down') this.#endAfterShutdown();
    return seen;
  }

  async execute<C extends keyof QmpCommands>(command: C, args?: QmpCommands[C]['arguments']): Promise<QmpCommands[C]['result']> {
    const qmp = await this.#connect();
    return qmp.execute(command, commandTimeoutMs, args);
  }

  /**
   * Ends the process: QEMU is asked, so that it leaves its disk images in order, then killed. Resolves when it is gone; throws
   * `timeout` when even that does not end it, as while its disk's server is away.
   */
  async end(why: 'stopped' | 'shut-down'): Promise<void> {
    this.#ending ??= why;
    const asked = this.#connect().then((qmp) => qmp.execute('quit', quitGraceMs));
    asked.catch(() => {});
    const { clock, processes } = this.#parts;
    try {
      await withDeadline(clock, "QEMU's end", quitGraceMs, this.whenGone());
    } catch {
      await processes.kill(this.process, 'KILL');
      await withDeadline(clock, `the end of process ${this.process.pid}`, killedTimeoutMs, this.whenGone());
    }
  }

  /** The helper saw the process end. */
  async noteExit(exit: GuestExit): Promise<void> {
    this.#said = exit.said;
    this.#exitNoted.resolve();
    await this.#finish();
  }

  /** Lets go; QEMU runs on. */
  release(): void {
    this.#released = true;
    this.#qmp?.close();
    this.agent.close();
    this.console.close();
    this.screen.close();
  }

  #connect(): Promise<QmpClient> {
    if (this.#qmp) return Promise.resolve(this.#qmp);
    if (this.#ended || this.#released) return Promise.reject(new CaissonError('unavailable', `guest ${this.process.uid} does not run`));
    this.#connecting ??= QmpClient.connect(`${this.#parts.socketFolder}/qmp.sock`, {
      clock: this.#parts.clock,
      onEvent: (event) => this.#onEvent(event),
      onClosed: (why) => void this.#onClosed(why),
    })
      .then((qmp) => {
        if (this.#released) qmp.close();
        else this.#qmp = qmp;
        return qmp;
      })
      .finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  /** One question at a time: a silent QEMU must not pile up more of them. */
  async #runState(limitMs: number): Promise<RunState> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return withDeadline(this.#parts.clock, `QEMU of guest ${this.process.uid}`, limitMs, this.#asking);
  }

  async #ask(): Promise<RunState> {
    const qmp = await this.#connect();
    // Answered late is better than asked again: the limits of those who wait are shorter.
    const { status } = await qmp.execute('query-status', 3_600_000);
    if (status === 'io-error' && this.#last?.state !== 'halted') {
      const blocks = await qmp.execute('query-block', commandTimeoutMs);
      this.#noSpace = blocks.some((block) => block['io-status'] === 'nospace');
    }
    return status;
  }

  #remember(seen: Observation): void {
    if (this.#ended || this.#released || isSameObservation(this.#last, seen)) return;
    const isFirst = this.#last === undefined;
    this.#last = seen;
    if (!isFirst) this.#parts.emit({ kind: 'changed', uid: this.process.uid, observation: seen });
  }

  #onEvent(event: QmpEvent): void {
    const { uid } = this.process;
    switch (event.name) {
      case 'SHUTDOWN':
        if (event.data.guest) this.#endAfterShutdown();
        return;
      case 'RESET':
        this.agent.noteReset();
        this.#tellReboot();
        return;
      case 'GUEST_PANICKED':
        this.#parts.emit({ kind: 'panicked', uid, goesOn: false });
        return;
      case 'GUEST_CRASHLOADED':
        this.#parts.emit({ kind: 'panicked', uid, goesOn: true });
        return;
      case 'BLOCK_IO_ERROR':
        this.#noSpace = event.data.nospace ?? false;
        return;
      case 'STOP':
      case 'RESUME':
      case 'SUSPEND':
      case 'WAKEUP':
        void this.observe();
        return;
      case 'POWERDOWN':
      case 'WATCHDOG': // the stop that follows tells
        return;
    }
  }

  #tellReboot(): void {
    const now = this.#parts.clock.monotonic();
    if (now - this.#rebootedAt < sameRebootMs) return;
    this.#rebootedAt = now;
    this.#parts.emit({ kind: 'rebooted', uid: this.process.uid });
  }

  #endAfterShutdown(): void {
    if (this.#ending || this.#released) return;
    this.#ending = 'shut-down';
    this.end('shut-down').catch((error: unknown) => {
      this.#parts.log.warn('a guest that shut down could not be ended', { uid: this.process.uid, error });
    });
  }

  /** The monitor's end is the first sign of the process's. When it lives on after all, it is talked to again. */
  async #onClosed(why: CaissonError): Promise<void> {
    this.#qmp = undefined;
    if (this.#released) return;
    const { clock, log } = this.#parts;
    try {
      await waitFor('the process to end', () => this.#isGone(), { timeoutMs: 500, everyMs: 2, clock });
    } catch {
      log.warn('QEMU broke the conversation and lives on', { uid: this.process.uid, error: why });
      await this.observe();
      return;
    }
    await this.#finish();
  }

  /** The kernel says so; one that it says nothing of may run. */
  async #isGone(): Promise<boolean> {
    return this.#ended || !(await isAlive(this.process).catch(() => true));
  }

  #finish(): Promise<void> {
    this.#finishing ??= this.#released ? Promise.resolve() : this.#tellEnd();
    return this.#finishing;
  }

  async #tellEnd(): Promise<void> {
    this.#ended = true;
    this.release();
    const why = this.#ending ?? 'crashed';
    if (why === 'crashed') {
      const limit = new AbortController();
      const late = this.#parts.clock.sleep(this.#announced ? lastWordsMs : lastWordsOfStartMs, limit.signal);
      late.catch(() => {});
      await Promise.race([this.#exitNoted.promise, late]).finally(() => limit.abort());
    }
    this.#gone.resolve();
    if (this.#announced)
      this.#parts.emit({ kind: 'ended', uid: this.process.uid, why, detail: why === 'crashed' ? describeCrash(this.#said) : '' });
  }
}

function describeCrash(said: string): string {
  const words = lastWords(said);
  return words === '' ? 'QEMU ended without a word (killed, or out of memory)' : `QEMU ended: ${words}`;
}
