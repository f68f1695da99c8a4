// `caisson event …`
import type { Command } from 'commander';
import type { Event } from '../../model/event.ts';
import { type OutputOptions, showList, wholeNumber, withOutput } from '../command.ts';
import { connected } from '../connection.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { harmless } from '../../lib/harmless.ts';
import { painter, type Style } from '../style.ts';
import type { Column } from '../table.ts';
import { localTime } from '../times.ts';

const styles: Partial<Record<Event['severity'], Style>> = { warning: 'amber', error: 'red' };

const columns: Column<Event>[] = [
  { title: 'TIME', text: (event) => localTime(event.time) },
  { title: 'SEVERITY', text: (event) => event.severity, style: (event) => styles[event.severity] },
  { title: 'KIND', text: (event) => event.kind },
  { title: 'WHAT', text: (event) => event.message, shrink: true },
];

interface ListOptions extends OutputOptions {
  limit: number;
  follow?: boolean;
  on?: string;
}

export function addEvent(event: Command, io: Io): void {
  withOutput(event.command('list'))
    .description('what happened, oldest first')
    .option('--limit <number>', 'the last so many', wholeNumber(1, 1000), 50)
    .option('--on <what>', 'only what happened to it: guest:NAME, image:NAME, user:NAME, token:NAME, site, network or host')
    .option('--follow', 'go on with what happens, an event a line, until Ctrl-C')
    .action((options: ListOptions) => (options.follow ? follow(io, options) : list(io, options)));
}

function list(io: Io, { limit, on: object, ...options }: ListOptions): Promise<void> {
  return showList(io, options, {
    columns,
    none: object === undefined ? 'nothing has happened yet' : `nothing is known to have happened to ${object}`,
    fetch: (client) => client.call('eventList', { query: { limit, object } }),
  });
}

async function follow(io: Io, { limit, on: object, ...options }: ListOptions): Promise<void> {
  await connected(io, options, async ({ client }) => {
    const print = async (event: Event) => {
      io.stdout.write(options.output === 'table' ? eventLine(io, event) : await renderValue(event, options.output, true));
    };
    // Followed from before the list is asked for: nothing falls between the two.
    const [newest] = (await client.call('eventList', { query: { limit: 1 } })).items;
    const { items } = await client.call('eventList', { query: { limit, object } });
    for (const event of items) await print(event);
    const ending = new AbortController();
    const stop = io.onInterrupt(() => ending.abort());
    try {
      const query = { after: Math.max(newest?.id ?? 0, items.at(-1)?.id ?? 0), object };
      for await (const event of client.stream('eventFollow', { query }, { signal: ending.signal })) await print(event as Event);
    } finally {
      stop();
    }
  });
}

/** A table cannot know what comes: columns of a fixed width, and nothing cut. */
function eventLine({ stdout, env }: Io, event: Event): string {
  const severity = painter(stdout, env)(event.severity, styles[event.severity]);
  const gap = ' '.repeat(Math.max(0, 7 - event.severity.length));
  return `${localTime(event.time)}  ${severity}${gap}  ${event.kind.padEnd(18)}  ${harmless(event.message).replaceAll('\n', ' ')}\n`;
}
