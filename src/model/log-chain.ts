// The chain of the audit log: how an entry is bound to the one before, and what is wrong with a row of entries. Pure; it needs the entries
// alone, so that an exported log can be checked without the daemon that wrote it.
import { createHash } from 'node:crypto';
import type { LogEntry, LogHead, NewLogEntry } from './log-entry.ts';

/** Before the first entry. */
export const emptyHead: LogHead = { number: 0, hash: '0'.repeat(64) };

/** The next entry, as it is kept. */
export function chainEntry(head: LogHead, entry: NewLogEntry, time: string): LogEntry {
  const unsealed = { number: head.number + 1, time, ...entry, previous: head.hash };
  return { ...unsealed, hash: hashOf(unsealed) };
}

/** Of the JSON text without `hash`: fields in the order in which they are kept. */
function hashOf(entry: Partial<LogEntry>): string {
  const { hash: _, ...unsealed } = entry;
  return createHash('sha256').update(JSON.stringify(unsealed)).digest('hex');
}

export interface ChainCheck {
  /** Checks the next entry; whatever is wrong is kept. */
  take(entry: unknown): void;
  /** What was found, and where the entries end. `expected`: an end that is known from elsewhere must lie on the chain. */
  finish(last?: number): { entries: number; begin: LogHead; head: LogHead; problems: string[] };
}

const maxProblems = 20;

/**
 * `known`: heads that were noted earlier: the chain must go through each. `after`: what the entries go on from; default the very beginning; `any`: whatever the
 * first one says that it goes on from, as an archive does.
 */
export function checkChain(options: { after?: LogHead | 'any'; known?: readonly LogHead[] } = {}): ChainCheck {
  let begin = options.after === 'any' ? undefined : (options.after ?? emptyHead);
  let head = begin ?? emptyHead;
  const checkBegin = ({ number, hash }: LogHead) => {
    const noted = known.get(number);
    if (noted !== undefined && noted !== hash) problem(`entry ${number}, from which these go on, has another hash than was noted`);
    known.delete(number);
  };
  let entries = 0;
  const known = new Map((options.known ?? []).map(({ number, hash }) => [number, hash]));
  const problems: string[] = [];
  let more = 0;
  const problem = (text: string) => (problems.length < maxProblems ? problems.push(text) : more++);
  if (begin) checkBegin(begin);
  return {
    take(value) {
      const entry = (typeof value === 'object' && value !== null ? value : {}) as Partial<LogEntry>;
      const { number, hash, previous } = entry;
      if (!Number.isSafeInteger(number) || typeof hash !== 'string')
        return void problem(`what stands after entry ${head.number} is no entry`);
      if (!begin) {
        begin = head = { number: (number as number) - 1, hash: String(previous) };
        checkBegin(begin);
      }
      entries++;
      const place = `entry ${number}`;
      if (number === head.number + 1) {
        if (previous !== head.hash) problem(`${place} does not follow entry ${head.number}: one of them was replaced`);
      } else if ((number as number) > head.number + 1) {
        problem(`${between(head.number + 1, (number as number) - 1)} missing before ${place}`);
      } else problem(`${place} stands after entry ${head.number}: the order was changed, or it stands there twice`);
      if (hashOf(entry) !== hash) problem(`${place} was altered: its content does not have its hash`);
      const noted = known.get(number as number);
      if (noted !== undefined && noted !== hash) problem(`${place} has another hash than was noted: the log was written anew`);
      known.delete(number as number);
      head = { number: number as number, hash };
    },
    finish(last = head.number) {
      if (last > head.number) problem(`${between(head.number + 1, last)} missing at the end`);
      for (const number of known.keys()) problem(`entry ${number}, whose hash was noted, is missing`);
      return { entries, begin: begin ?? emptyHead, head, problems: more > 0 ? [...problems, `and ${more} more`] : problems };
    },
  };
}

function between(first: number, last: number): string {
  return first === last ? `entry ${first} is` : `entries ${first} to ${last} are`;
}
