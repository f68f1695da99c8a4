// Is the service there? One loop for each running guest asks its checks: often until they hold, calmly afterwards. A guest that runs
// but does not answer is “not ready”, with the sentence that says what was asked and what came back.
import { describeError } from '../lib/errors.ts';
import { formatDuration } from '../lib/units.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import { describeCheck, type ReadinessCheck } from '../model/service.ts';
import { serviceAddress } from '../plan/machine.ts';
import type { Events } from './events.ts';
import type { GuestBoard } from './guest-board.ts';
import type { EngineParts } from './parts.ts';
import type { ProbeResult } from '../drivers/prober.ts';

const everyMsUntilReady = 250;
const everyMsWhenReady = 10_000;
const checkTimeoutMs = 10_000;
/** A guest that answers slowly is asked slowly: asking must not be what keeps it from getting ready. */
const restForEachMsOfAsking = 2;
const longestRestMs = 10_000;
/** A ready service that misses this many checks in a row is not ready any more: one lost packet is not an alert. */
const missesUntilNotReady = 3;

/** What a check found; `waited`: it only waited for an agent that is not there yet, which costs the guest nothing. */
type Answer = ProbeResult & { waited?: boolean };

export class Readiness {
  readonly #parts: Pick<EngineParts, 'hypervisor' | 'prober' | 'clock' | 'log'>;
  readonly #board: GuestBoard;
  readonly #events: Events;
  readonly #record: (uid: string) => GuestRecord | undefined;
  readonly #loops = new Map<string, AbortController>();

  constructor(options: {
    parts: Pick<EngineParts, 'hypervisor' | 'prober' | 'clock' | 'log'>;
    board: GuestBoard;
    events: Events;
    record: (uid: string) => GuestRecord | undefined;
  }) {
    this.#parts = options.parts;
    this.#board = options.board;
    this.#events = options.events;
    this.#record = options.record;
  }

  /** Begins, or begins anew, to ask a running guest's service. */
  watch(uid: string): void {
    this.stop(uid);
    const ending = new AbortController();
    this.#loops.set(uid, ending);
    this.#loop(uid, ending.signal).catch((error: unknown) => {
      if (!ending.signal.aborted) this.#parts.log.error('the readiness of a guest is not watched any more', { uid, error });
    });
  }

  stop(uid: string): void {
    this.#loops.get(uid)?.abort(new Error('the guest is not watched any more'));
    this.#loops.delete(uid);
  }

  close(): void {
    for (const ending of this.#loops.values()) ending.abort(new Error('the daemon ends'));
    this.#loops.clear();
  }

  async #loop(uid: string, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    let misses = 0;
    for (;;) {
      const record = this.#record(uid);
      if (!record || signal.aborted) return;
      const askedAt = clock.monotonic();
      const result = await this.#checkAll(record, signal);
      if (signal.aborted) return;
      const restMs = result.waited ? 0 : Math.min(longestRestMs, restForEachMsOfAsking * (clock.monotonic() - askedAt));
      const status = this.#board.get(uid);
      if (result.ok) {
        misses = 0;
        await this.#ready(record);
      } else if (!status.ready || ++misses >= missesUntilNotReady) {
        this.#notReady(record, result.why);
      }
      const calm = this.#board.get(uid).ready && misses === 0;
      await clock.sleep(calm ? everyMsWhenReady : Math.max(everyMsUntilReady, restMs), signal);
    }
  }

  async #checkAll(record: GuestRecord, signal: AbortSignal): Promise<Answer> {
    for (const check of record.spec.service?.ready ?? []) {
      const result = await this.#check(record, check, signal);
      if (!result.ok) return { ...result, why: `${describeCheck(check)}: ${result.why}` };
    }
    return { ok: true };
  }

  async #check(record: GuestRecord, check: ReadinessCheck, signal: AbortSignal): Promise<Answer> {
    if ('agent' in check || 'command' in check) return this.#askAgent(record.uid, 'command' in check ? check.command : undefined);
    const address = serviceAddress(record);
    if (address === undefined) return { ok: false, why: 'the guest has no address' };
    return this.#parts.prober.check(check, address, { timeoutMs: checkTimeoutMs, signal });
  }

  async #askAgent(uid: string, command: readonly string[] | undefined): Promise<Answer> {
    const agent = this.#parts.hypervisor.agent(uid);
    try {
      // The question waits in front of the guest until there is an agent; it is no burden to a guest that still starts.
      await agent.ping(checkTimeoutMs);
    } catch (error) {
      return { ok: false, why: describeError(error), waited: true };
    }
    if (!command) return { ok: true };
    try {
      const { code, stderr } = await agent.exec(command, { timeoutMs: 10_000 });
      return code === 0 ? { ok: true } : { ok: false, why: `exit ${code}${stderr ? `: ${stderr.trim().slice(0, 200)}` : ''}` };
    } catch (error) {
      return { ok: false, why: describeError(error) };
    }
  }

  async #ready(record: GuestRecord): Promise<void> {
    const { uid, name } = record;
    const status = this.#board.get(uid);
    const checkedAt = this.#board.now();
    if (status.ready) {
      this.#board.set(uid, { checkedAt });
      return;
    }
    const sinceStart = status.startedAt === undefined ? undefined : Math.max(0, this.#parts.clock.now() - Date.parse(status.startedAt));
    const first = status.readyAfterMs === undefined;
    const readyAfterMs = status.readyAfterMs ?? sinceStart;
    const memoryBytes = await this.#parts.hypervisor.memoryBytes(uid);
    this.#board.set(uid, { ready: true, reason: '', checkedAt, readyAt: checkedAt, readyAfterMs, memoryBytes });
    this.#events.emit({
      kind: 'guest-ready',
      object: `guest/${uid}`,
      message: `guest ${name} is ready${first && readyAfterMs !== undefined ? ` after ${formatDuration(readyAfterMs)}` : ' again'}`,
    });
  }

  #notReady(record: GuestRecord, why: string): void {
    const { uid, name } = record;
    const status = this.#board.get(uid);
    const since = status.startedAt === undefined ? undefined : this.#parts.clock.now() - Date.parse(status.startedAt);
    const late = since !== undefined && since > (record.spec.service?.readyWithinMs ?? Number.POSITIVE_INFINITY);
    this.#board.set(uid, { ready: false, reason: `${late ? 'is late: ' : ''}${why}`, checkedAt: this.#board.now() });
    if (status.ready)
      this.#events.emit({
        kind: 'guest-not-ready',
        severity: 'warning',
        object: `guest/${uid}`,
        message: `guest ${name} is not ready any more: ${why}`,
      });
  }
}
