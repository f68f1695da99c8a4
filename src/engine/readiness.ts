// Is the service there? One loop for each running guest asks its checks: often until they hold, calmly afterwards. A guest that runs
// but does not answer is “not ready”, with the sentence that says what was asked and what came back.
import { describeError } from '../lib/errors.ts';
import { formatDuration } from '../lib/units.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import { describeCheck } from '../model/check-words.ts';
import { checkTimeoutMs, checkTries, type ReadinessCheck, undeclaredPort } from '../model/service.ts';
import { serviceAddress } from '../plan/machine.ts';
import type { Events } from './events.ts';
import { GuestAgents, missesUntilSilent } from './guest-agents.ts';
import type { GuestBoard } from './guest-board.ts';
import type { EngineParts } from './parts.ts';

const everyMsUntilReady = 250;
const everyMsWhenReady = 10_000;
/** A guest that answers slowly is asked slowly: asking must not be what keeps it from getting ready. */
const restForEachMsOfAsking = 2;
const longestRestMs = 10_000;

/**
 * What was found; `waited`: it only waited for an agent that is not there yet, which costs the guest nothing; `isMiss`: of a service that
 * is ready it does not count yet.
 */
type Answer = ({ ok: true } | { ok: false; why: string; isMiss?: boolean }) & { waited?: boolean };

type InsideCheck = Extract<ReadinessCheck, { agent: true } | { command: string[] }>;

function isAskedInside(check: ReadinessCheck): check is InsideCheck {
  return 'agent' in check || 'command' in check;
}

interface Watched {
  ending: AbortController;
  /** What the guest's own checks say; absent until they were asked. */
  own?: Answer;
  /** How often in a row each check has failed. */
  misses: number[];
}

export class Readiness {
  readonly #parts: Pick<EngineParts, 'hypervisor' | 'prober' | 'clock' | 'log'>;
  readonly #board: GuestBoard;
  readonly #events: Events;
  readonly #record: (uid: string) => GuestRecord | undefined;
  readonly #find: (name: string) => GuestRecord | undefined;
  readonly #agents: GuestAgents;
  readonly #watched = new Map<string, Watched>();
  readonly #wasState = new Map<string, string>();

  constructor(options: {
    parts: Pick<EngineParts, 'hypervisor' | 'prober' | 'clock' | 'log'>;
    board: GuestBoard;
    events: Events;
    record: (uid: string) => GuestRecord | undefined;
    find: (name: string) => GuestRecord | undefined;
  }) {
    this.#parts = options.parts;
    this.#board = options.board;
    this.#events = options.events;
    this.#record = options.record;
    this.#find = options.find;
    this.#agents = new GuestAgents(options.parts, options.board);
    this.#board.onChange((uid) => this.#dependencyChanged(uid));
  }

  /** Begins, or begins anew, to ask a running guest's service. */
  watch(uid: string): void {
    this.stop(uid);
    const watched: Watched = { ending: new AbortController(), misses: [] };
    const { signal } = watched.ending;
    this.#watched.set(uid, watched);
    // A guest whose checks ask its agent is not asked twice: it answers one at a time.
    if (this.#record(uid)?.spec.service?.ready.some(isAskedInside)) this.#board.set(uid, { agent: 'unknown' });
    else void this.#agents.watch(uid, signal);
    this.#loop(uid, watched).catch((error: unknown) => {
      if (!signal.aborted) this.#parts.log.error('the readiness of a guest is not watched any more', { uid, error });
    });
  }

  stop(uid: string): void {
    this.#watched.get(uid)?.ending.abort(new Error('the guest is not watched any more'));
    this.#watched.delete(uid);
  }

  close(): void {
    for (const { ending } of this.#watched.values()) ending.abort(new Error('the daemon ends'));
    this.#watched.clear();
  }

  async #loop(uid: string, watched: Watched): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = watched.ending;
    for (;;) {
      const record = this.#record(uid);
      if (!record || signal.aborted) return;
      const askedAt = clock.monotonic();
      // One question that goes wrong is no reason to ask no more.
      const result = await this.#checkAll(record, watched).catch((error: unknown): Answer => ({ ok: false, why: describeError(error) }));
      if (signal.aborted) return;
      const restMs = result.waited ? 0 : Math.min(longestRestMs, restForEachMsOfAsking * (clock.monotonic() - askedAt));
      const isMiss = !result.ok && result.isMiss;
      if (!isMiss || !this.#board.get(uid).ready) {
        watched.own = result;
        await this.#publish(record, watched);
      }
      await clock.sleep(result.ok ? everyMsWhenReady : Math.max(everyMsUntilReady, restMs), signal);
    }
  }

  /** A service answers, but rests on others: it is ready when they are. */
  async #publish(record: GuestRecord, { own }: Watched): Promise<void> {
    if (!own) return;
    const lost = own.ok ? this.#lostDependency(record) : own.why;
    if (lost === undefined) await this.#ready(record);
    else this.#notReady(record, lost);
  }

  #lostDependency(record: GuestRecord): string | undefined {
    for (const dependency of record.spec.after) {
      const on = 'requires' in dependency ? this.#find(dependency.requires) : undefined;
      if (!on) continue;
      const { ready, power, reason } = this.#board.get(on.uid);
      if (ready) continue;
      const how =
        power === 'running' ? `is not ready${reason === '' ? '' : `: ${reason}`}` : power === 'crashed' ? 'has crashed' : `is ${power}`;
      return `requires ${on.name}, which ${how}`;
    }
    return undefined;
  }

  /** What rests on a guest hears at once when it gets ready, is not ready any more, or for another reason. */
  #dependencyChanged(uid: string): void {
    const { ready, power, reason } = this.#board.get(uid);
    const state = ready ? 'ready' : `${power} ${reason}`;
    if (this.#wasState.get(uid) === state) return;
    this.#wasState.set(uid, state);
    const name = this.#record(uid)?.name;
    for (const [other, watched] of this.#watched) {
      const record = this.#record(other);
      if (!record?.spec.after.some((dependency) => 'requires' in dependency && dependency.requires === name)) continue;
      this.#publish(record, watched).catch((error: unknown) => this.#parts.log.error('readiness could not be told', { uid: other, error }));
    }
  }

  async #checkAll(record: GuestRecord, watched: Watched): Promise<Answer> {
    const { service } = record.spec;
    for (const [index, check] of (service?.ready ?? []).entries()) {
      const result = await this.#check(record, check, watched.ending.signal);
      const misses = result.ok ? 0 : (watched.misses[index] ?? 0) + 1;
      watched.misses[index] = misses;
      if (isAskedInside(check) && !watched.ending.signal.aborted) this.#heardAgent(record.uid, result, misses);
      if (result.ok) continue;
      const undeclared = service && undeclaredPort(service, check);
      const hint = undeclared === undefined ? '' : `; its service declares ${service?.ports.join(', ')}, not ${undeclared}`;
      return { ...result, why: `${describeCheck(check)}: ${result.why}${hint}`, isMiss: misses < checkTries(check) };
    }
    return { ok: true };
  }

  #heardAgent(uid: string, { waited }: Answer, misses: number): void {
    if (!waited) this.#board.set(uid, { agent: 'answers' });
    else if (misses >= missesUntilSilent) this.#board.set(uid, { agent: 'silent' });
  }

  async #check(record: GuestRecord, check: ReadinessCheck, signal: AbortSignal): Promise<Answer> {
    if (isAskedInside(check)) return this.#askAgent(record.uid, check);
    const address = serviceAddress(record);
    if (address === undefined) return { ok: false, why: 'the guest has no address' };
    return this.#parts.prober.check(check, address, { timeoutMs: checkTimeoutMs(check), signal });
  }

  async #askAgent(uid: string, check: InsideCheck): Promise<Answer> {
    const agent = this.#parts.hypervisor.agent(uid);
    const timeoutMs = checkTimeoutMs(check);
    try {
      // The question waits in front of the guest until there is an agent; it is no burden to a guest that still starts.
      await agent.ping(timeoutMs);
    } catch (error) {
      return { ok: false, why: describeError(error), waited: true };
    }
    if ('agent' in check) return { ok: true };
    try {
      const { code, stderr } = await agent.exec(check.command, { timeoutMs });
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
    const memoryBytes = await this.#parts.hypervisor.memoryBytes(uid).catch(() => undefined);
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
