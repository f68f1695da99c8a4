// `caisson log …`: the audit log. It is verified here, from the entries themselves: the daemon’s word is not needed for it.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Command, InvalidArgumentError } from 'commander';
import type { Client } from '../../api/client.ts';
import { CaissonError } from '../../lib/errors.ts';
import { checkChain, type ChainCheck, emptyHead } from '../../model/log-chain.ts';
import type { LogEntry, LoggedAction, LogHead } from '../../model/log-entry.ts';
import { type OutputOptions, showList, withConnection, withFormat, withOutput, wholeNumber } from '../command.ts';
import { connected, type ConnectionOptions } from '../connection.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import type { Style } from '../style.ts';
import type { Column } from '../table.ts';
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
        for await (const { items } of pages(client, after)) {
          const isTaken = io.stdout.write(items.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
          if (!isTaken) await new Promise<void>((resolve) => io.stdout.once('drain', resolve));
        }
      }),
    );

  withFormat(withConnection(log.command('verify')))
    .description('was an entry altered, removed or put elsewhere? Of the daemon’s log, or of an exported FILE')
    .argument('[file]', 'an export, from its first entry on')
    .option(
      '--head <NUMBER:HASH>',
      'what an earlier verification printed: proves that the log was not written anew since; may be given several times',
      (text: string, before: LogHead[] | undefined) => [...(before ?? []), parseHead(text)],
    )
    .addHelpText('after', notes)
    .action((file: string | undefined, options: VerifyOptions) => verify(io, file, options));
}

const notes = `
A chain of hashes shows what was changed within the log. Whoever can write the file can write all of it anew: keep the head that this prints
somewhere else, and give it the next time.`;

async function verify(io: Io, file: string | undefined, { head: known = [], output, ...options }: VerifyOptions): Promise<void> {
  const check = checkChain({ known });
  const last = file === undefined ? await takeFromDaemon(io, options, check) : await takeFromFile(file, check);
  const result = check.finish(last);
  const { entries, head, problems } = result;
  if (output !== 'table') io.stdout.write(await renderValue(result, output));
  else if (problems.length === 0) {
    io.stdout.write(`${entries} entries, each as it was written${known.length > 0 ? ', the noted heads among them' : ''}\n`);
    if (entries > 0) io.stdout.write(`head ${head.number}:${head.hash}\n`);
  }
  if (problems.length > 0)
    throw new CaissonError('failed', `the audit log is not as it was written:\n  ${problems.join('\n  ')}`, { details: { problems } });
}

async function takeFromDaemon(io: Io, options: ConnectionOptions, check: ChainCheck): Promise<number> {
  return connected(io, options, async ({ client }) => {
    let end = 0;
    for await (const { items, last } of pages(client, 0)) {
      for (const entry of items) check.take(entry);
      end = last;
    }
    return end;
  });
}

/** Pages until there is no more; what is written meanwhile belongs to the last one or to another time. */
async function* pages(client: Client, from: number): AsyncGenerator<{ items: LogEntry[]; last: number }> {
  for (let after = from; ;) {
    const answer = await client.call('logEntries', { query: { after, limit: page } });
    yield answer;
    const next = answer.items.at(-1)?.number;
    if (answer.items.length < page || next === undefined || next <= after) return;
    after = next;
  }
}

async function takeFromFile(file: string, check: ChainCheck): Promise<undefined> {
  let number = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      number++;
      if (line !== '') check.take(parseLine(line, file, number));
    }
  } catch (cause) {
    throw cause instanceof CaissonError ? cause : new CaissonError('failed', `${file} cannot be read`, { cause });
  }
  if (number === 0) throw new CaissonError('invalid', `${file} is empty: it is no export of an audit log`);
}

function parseLine(line: string, file: string, number: number): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    throw new CaissonError('invalid', `line ${number} of ${file} is not JSON: is it an export of an audit log?`, { cause });
  }
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
