// `caisson event …`
import type { Command } from 'commander';
import type { Event } from '../../model/event.ts';
import { type CommonOptions, connected, withOutput } from '../command.ts';
import { type Column, harmless, printList } from '../output.ts';
import { localTime } from './job.ts';

const columns: Column<Event>[] = [
  { title: 'TIME', text: (event) => localTime(event.time) },
  { title: '', text: (event) => ({ info: ' ', warning: '▲', error: '■' })[event.severity] },
  { title: 'KIND', text: (event) => event.kind },
  { title: 'WHAT', text: (event) => event.message, shrink: true },
];

export function addEventCommands(program: Command): void {
  withOutput(program.command('event').description('what happened').command('list'))
    .description('what happened, oldest first')
    .option('--limit <number>', 'the last so many', Number, 50)
    .option('--follow', 'go on with what happens')
    .action((options: CommonOptions & { limit: number; follow?: boolean }) =>
      connected(options, async ({ client }) => {
        const { items } = await client.call('eventList', { query: { limit: options.limit } });
        if (!options.follow) return printList(items, options.output, columns);
        for (const event of items) printLine(event, options);
        const { eventSchema } = await import('../../model/event.ts');
        const ending = new AbortController();
        process.once('SIGINT', () => ending.abort());
        for await (const event of client.stream('eventFollow', { query: { after: items.at(-1)?.id ?? 0 } }, { signal: ending.signal }))
          printLine(eventSchema.parse(event), options);
      }),
    );
}

function printLine(event: Event, options: CommonOptions): void {
  if (options.output === 'table') process.stdout.write(`${columns.map((column) => harmless(column.text(event))).join('  ')}\n`);
  else process.stdout.write(`${JSON.stringify(event)}\n`);
}
