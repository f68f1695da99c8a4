// `caisson log …`: the audit log. It is verified here, from the entries themselves: the daemon’s word is not needed for it.
import { type Command, InvalidArgumentError } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import { checkChain, type ChainCheck, emptyHead } from '../../model/log-chain.ts';
import type { LogEntry, LoggedAction, LogHead } from '../../model/log-entry.ts';
import { type OutputOptions, showList, withConnection, withFormat, withOutput, wholeNumber } from '../command.ts';
import { connected, type ConnectionOptions } from '../connection.ts';
import { archiveLog } from '../archive-log.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import type { Style } from '../style.ts';
import type { Column } from '../table.ts';
import { readLogFile, readLogPages } from '../read-log.ts';
import { localTime } from '../times.ts';

const page = 1000;

const columns: Column<LoggedAction>[] = [
  { title: 'NUMBER', text: ({ number }) => String(number), right: true },
  { title: 'TIME', text: ({ time }) => localTime(time) },
  { title: 'WHO', text: ({ actor }) => actor },
  { title: 'FROM', text: ({ from }) => from },
  { title: 'WHAT', text: ({ operation, object }) => (object === undefined ? operation : `${operation} ${object}`) },
  { title: 'OUTCOME', text: (action) => outcomeText(action), style: (action) => styles[resultOf(action)] },
  { title: 'WHY', text: ({ outcome, end }) => end?.message ?? outcome?.message ?? '', shrink: true, optional: true },
];

const styles: Readonly<Record<string, Style>> = { refused: 'amber', failed: 'red', unknown: 'amber' };

interface ListOptions extends OutputOptions {
  limit: number;
  before?: number;
  actor?: string;
  operation?: string;
  object?: string;
  logins?: boolean;
}

interface ArchiveOptions extends ConnectionOptions {
  output: OutputOptions['output'];
  before: number;
}

interface VerifyOptions extends ConnectionOptions {
  output: OutputOptions['output'];
  head?: LogHead[];
}

export function addLog(log: Command, io: Io): void {
  withOutput(log.command('list'))
    .description('who did what from where, and how it went, newest first')
    .option('--limit <number>', 'at most so many', wholeNumber(1, page), 50)
    .option('--before <number>', 'only what is older than this number: the next page', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option('--actor <name>', 'only what this one did')
    .option('--operation <id>', 'only this endpoint, for example guestStart')
    .option('--object <key>', 'only what was done to this, as it was named: guest/web')
    .option('--logins', 'only who came in, or tried to')
    .action(({ limit, before, actor, operation, object, logins, ...options }: ListOptions) =>
      showList(io, options, {
        columns,
        none: 'nothing was done yet',
        fetch: (client) =>
          client.call('logList', { query: { limit, before, actor, operation, object, ...(logins ? { kind: 'login' as const } : {}) } }),
      }),
    );

  withConnection(log.command('export'))
    .description('every entry as it was written, a line of JSON each, on standard output')
    .option('--after <number>', 'only what is newer than this number', wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .action(({ after, ...options }: ConnectionOptions & { after: number }) =>
      connected(io, options, async ({ client }) => {
        for await (const { items } of readLogPages(client, after)) {
          const isTaken = io.stdout.write(items.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
          if (!isTaken) await new Promise<void>((resolve) => io.stdout.once('drain', resolve));
        }
      }),
    );

  withFormat(withConnection(log.command('verify')))
    .description('was an entry altered, removed or put elsewhere? Of the daemon’s log, or of exports and archives of it')
    .argument('[files...]', 'exports or archives, each going on where the one before ends')
    .option(
      '--head <NUMBER:HASH>',
      'what an earlier verification printed: proves that the log was not written anew since; may be given several times',
      (text: string, before: LogHead[] | undefined) => [...(before ?? []), parseHead(text)],
    )
    .addHelpText('after', notes)
    .action((files: string[], options: VerifyOptions) => verify(io, files, options));

  withFormat(withConnection(log.command('archive')))
    .description('put the oldest entries into a file, and take them out of the log; for administrators')
    .argument('<file>', 'a new file, a line of JSON each, as of an export')
    .requiredOption('--before <date>', 'what came before this day or moment, for example 2026-01-01', parseDate)
    .addHelpText('after', archiveNotes)
    .action((file: string, options: ArchiveOptions) => archive(io, file, options));
}

const archiveNotes = `
The file is on the disk and verified before anything is removed. What stays remembers number and hash of the last entry that went: “caisson log verify FILE…” proves
archives, one after the other, and the head that it prints is what the log goes on after. Keep archives, and their heads somewhere else.`;

const notes = `
A chain of hashes shows what was changed within the log. Whoever can write the file can write all of it anew: keep the head that this prints
somewhere else, and give it the next time.`;

async function verify(io: Io, files: readonly string[], { head: known = [], output, ...options }: VerifyOptions): Promise<void> {
  const result = files.length === 0 ? await verifyDaemon(io, options, known) : await verifyFiles(files, known);
  const { entries, begin, head, problems } = result;
  if (output !== 'table') io.stdout.write(await renderValue(result, output));
  else if (problems.length === 0) {
    if (begin.number > 0) io.stdout.write(`goes on after ${begin.number}:${begin.hash}, with which an archive ends\n`);
    io.stdout.write(`${entries} entries, each as it was written${known.length > 0 ? ', the noted heads among them' : ''}\n`);
    if (entries > 0) io.stdout.write(`head ${head.number}:${head.hash}\n`);
  }
  if (problems.length > 0)
    throw new CaissonError('failed', `the audit log is not as it was written:\n  ${problems.join('\n  ')}`, { details: { problems } });
}

type Verified = ReturnType<ChainCheck['finish']>;

/** What was archived is missing at its beginning by right only if the log itself says who did it. */
async function verifyDaemon(io: Io, options: ConnectionOptions, known: readonly LogHead[]): Promise<Verified> {
  return connected(io, options, async ({ client }) => {
    let check: ChainCheck | undefined;
    let last = 0;
    let archived = emptyHead;
    let isTold = false;
    for await (const answer of readLogPages(client, 0)) {
      check ??= checkChain({ after: (archived = answer.archived), known });
      for (const entry of answer.items) {
        check.take(entry);
        isTold ||= tellsOfArchive(entry, archived);
      }
      ({ last } = answer);
    }
    const result = (check ?? checkChain({ known })).finish(last);
    if (archived.number === 0 || isTold) return result;
    return {
      ...result,
      problems: [...result.problems, `the entries up to ${archived.number} are missing, and no entry says who archived them`],
    };
  });
}

function tellsOfArchive({ kind, operation, parameters }: LogEntry, { number, hash }: LogHead): boolean {
  const through = parameters?.['through'] as Partial<LogHead> | undefined;
  return kind === 'request' && operation === 'logArchive' && through?.number === number && through.hash === hash;
}

/** One after the other, as one chain. */
async function verifyFiles(files: readonly string[], known: readonly LogHead[]): Promise<Verified> {
  const check = checkChain({ after: 'any', known });
  for (const file of files) await readLogFile(file, check);
  return check.finish();
}

async function archive(io: Io, file: string, { before, output, ...options }: ArchiveOptions): Promise<void> {
  const made = await connected(io, options, ({ client }) => archiveLog(client, file, before));
  if (output !== 'table') return void io.stdout.write(await renderValue(made ?? { entries: 0 }, output));
  if (!made) return void io.stderr.write('nothing is so old: no archive was made\n');
  const { entries, begin, head } = made;
  io.stdout.write(
    `${entries} entries, ${begin.number + 1} to ${head.number}, are in ${file} and no longer in the audit log\nhead ${head.number}:${head.hash}\n`,
  );
}

/** A day, from its midnight here on, or a moment. Milliseconds. */
function parseDate(text: string): number {
  const day = /^\d{4}-\d\d-\d\d$/.test(text);
  const moment = day || /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?$/.test(text) ? Date.parse(day ? `${text}T00:00` : text) : NaN;
  if (Number.isNaN(moment)) throw new InvalidArgumentError('A day or moment is expected, for example 2026-01-01 or 2026-01-01T12:00.');
  if (moment > Date.now()) throw new InvalidArgumentError('What is archived has happened: this is in the future.');
  return moment;
}

function parseHead(text: string): LogHead {
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (!match) throw new InvalidArgumentError('Expected is NUMBER:HASH, as “caisson log verify” prints it.');
  return { number: Number(match[1]), hash: match[2] ?? emptyHead.hash };
}

function resultOf({ outcome, end }: LoggedAction): string {
  return end?.result ?? outcome?.result ?? 'unknown';
}

function outcomeText(action: LoggedAction): string {
  const result = resultOf(action);
  const code = action.end?.code ?? action.outcome?.code;
  return code === undefined || code === result ? result : `${result} (${code})`;
}
