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
}

export function addEvent(event: Command, io: Io): void {
  withOutput(event.command('list'))
    .description('what happened, oldest first')
    .option('--limit <number>', 'the last so many', wholeNumber(1, 1000), 50)
    .option('--follow', 'go on with what happens, an event a line, until Ctrl-C')
    .action((options: ListOptions) => (options.follow ? follow(io, options) : list(io, options)));
}

function list(io: Io, { limit, ...options }: ListOptions): Promise<void> {
  return showList(io, options, {
    columns,
    none: 'nothing has happened yet',
    fetch: (client) => client.call('eventList', { query: { limit } }),
  });
}

async function follow(io: Io, { limit, ...options }: ListOptions): Promise<void> {
  await connected(io, options, async ({ client }) => {
    const print = async (event: Event) => {
      io.stdout.write(options.output === 'table' ? eventLine(io, event) : await renderValue(event, options.output, true));
    };
    const { items } = await client.call('eventList', { query: { limit } });
    for (const event of items) await print(event);
    const ending = new AbortController();
    const stop = io.onInterrupt(() => ending.abort());
    try {
      const query = { after: items.at(-1)?.id ?? 0 };
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
