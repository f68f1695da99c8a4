// `caisson context …`: the sites that one has signed in to.
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import { type OutputOptions, withFormat } from '../command.ts';
import { dataDirectoryOf } from '../connection.ts';
import { changeContexts, type Context, contextOf, localContext, readContexts } from '../contexts.ts';
import type { Io } from '../io.ts';
import { renderValue, tableFor } from '../output.ts';
import type { Column } from '../table.ts';
import { localTime } from '../times.ts';

interface Shown extends Omit<Context, 'token' | 'authority'> {
  name: string;
  current: boolean;
}

const columns: Column<Shown>[] = [
  { title: '', text: ({ current }) => (current ? '*' : '') },
  { title: 'NAME', text: ({ name }) => name },
  { title: 'USER', text: ({ user }) => user },
  { title: 'SIGNED IN UNTIL', text: ({ endsAt }) => (endsAt === undefined ? '' : localTime(endsAt)), optional: true },
  { title: 'WHERE', text: ({ url }) => url, shrink: true },
];

export function addContext(context: Command, io: Io): void {
  withFormat(context.command('list'))
    .description('every context; the one with the star is used where nothing else is said')
    .action(async (options: OutputOptions) => {
      const { current, contexts } = readContexts(io.env);
      const items: Shown[] = [
        { name: localContext, user: '', url: `the daemon of ${dataDirectoryOf({}, io.env)}`, current: current === localContext },
        ...Object.entries(contexts)
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, { url, user, endsAt }]) => ({
            name,
            url,
            user,
            ...(endsAt === undefined ? {} : { endsAt }),
            current: name === current,
          })),
      ];
      io.stdout.write(options.output === 'table' ? tableFor(io, items, columns) : await renderValue({ items }, options.output));
    });

  withFormat(context.command('use'))
    .description('use this one from now on, where nothing else is said')
    .argument('<context>', `name, or ${localContext}`)
    .action(async (name: string, { output }: OutputOptions) => {
      await changeContexts(io.env, (contexts) => {
        if (name !== localContext) contextOf(contexts, name);
        return { ...contexts, current: name };
      });
      io.stdout.write(output === 'table' ? `${name} is used from now on\n` : await renderValue({ current: name }, output));
    });

  withFormat(context.command('delete'))
    .description('forget a context; “caisson logout” ends its session first')
    .argument('<context>', 'name')
    .action(async (name: string, { output }: OutputOptions) => {
      if (name === localContext) throw new CaissonError('invalid', `${localContext} cannot be deleted: it is this machine’s own daemon`);
      let current = localContext;
      await changeContexts(io.env, (contexts) => {
        contextOf(contexts, name);
        const { [name]: _, ...rest } = contexts.contexts;
        if (contexts.current !== name) current = contexts.current;
        return { current, contexts: rest };
      });
      io.stdout.write(output === 'table' ? `${name} is forgotten\n` : await renderValue({ deleted: name, current }, output));
    });
}
