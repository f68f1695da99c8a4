// The audit log of tests and simulated sites.
import { type Clock, systemClock } from '../../lib/clock.ts';
import { chainEntry, emptyHead } from '../../model/log-chain.ts';
import type { LogEntry, LoggedAction, LogHead, NewLogEntry } from '../../model/log-entry.ts';
import { actionOf, type ActionFilter, type AuditLog, defaultActionLimit, digestEntries, notInTheLog, otherDigest } from '../audit-log.ts';

export class MemoryAuditLog implements AuditLog {
  readonly #clock: Clock;
  /** As JSON texts, so that nothing is shared. */
  #entries: string[] = [];
  #head = emptyHead;
  #archived = emptyHead;

  constructor(options: { clock?: Clock } = {}) {
    this.#clock = options.clock ?? systemClock;
  }

  async append(entry: NewLogEntry): Promise<LogEntry> {
    const written = chainEntry(this.#head, entry, new Date(this.#clock.now()).toISOString());
    this.#entries.push(JSON.stringify(written));
    this.#head = { number: written.number, hash: written.hash };
    return written;
  }

  async listActions(filter: ActionFilter = {}): Promise<LoggedAction[]> {
    const { before = Infinity, limit = defaultActionLimit, actor, operation, object, kind } = filter;
    const all = this.#all();
    const outcomeOf = ({ number }: LogEntry) => all.find((entry) => entry.kind === 'outcome' && entry.request === number);
    const endOf = (job: string | undefined) => all.find((entry) => entry.kind === 'job' && job !== undefined && entry.job === job);
    return all
      .filter((entry) => (entry.kind === 'request' || entry.kind === 'login') && entry.number < before)
      .filter((entry) => actor === undefined || entry.actor === actor)
      .filter((entry) => operation === undefined || entry.operation === operation)
      .filter((entry) => object === undefined || entry.object === object)
      .filter((entry) => kind === undefined || entry.kind === kind)
      .toReversed()
      .slice(0, limit)
      .map((entry) => {
        const outcome = outcomeOf(entry);
        return actionOf(entry, outcome, endOf(outcome?.job));
      });
  }

  async read({ after, limit }: { after: number; limit: number }): Promise<LogEntry[]> {
    return this.#all()
      .filter(({ number }) => number > after)
      .slice(0, limit);
  }

  async head(): Promise<LogHead> {
    return this.#head;
  }

  async archived(): Promise<LogHead> {
    return this.#archived;
  }

  async archive(through: LogHead, sha256: string): Promise<number> {
    const isThere = () => this.#all().some(({ number, hash }) => number === through.number && hash === through.hash);
    if (!isThere()) throw notInTheLog(through.number);
    const { sha256: own, entries } = await digestEntries(this, this.#archived.number, through.number);
    if (own !== sha256) throw otherDigest(through.number);
    if (!isThere()) throw notInTheLog(through.number);
    this.#entries = this.#entries.slice(entries);
    this.#archived = through;
    return entries;
  }

  async close(): Promise<void> {}

  #all(): LogEntry[] {
    return this.#entries.map((json) => JSON.parse(json) as LogEntry);
  }
}
