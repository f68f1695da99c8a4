// `caisson token …`: API tokens, for programs.
import type { Command } from 'commander';
import type { Token } from '../../model/token.ts';
import { type OutputOptions, showList, type ViewOptions, wholeNumber, withOutput, withWatch } from '../command.ts';
import { connected } from '../connection.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { bindingText, guestNames, readBinding } from '../role-words.ts';
import { type Column, listNames } from '../table.ts';
import { localTime } from '../times.ts';

interface Named {
  token: Token;
  names: ReadonlyMap<string, string>;
}

const columns: Column<Named>[] = [
  { title: 'NAME', text: ({ token }) => token.name },
  { title: 'OF', text: ({ token }) => token.owner ?? '(the host)' },
  {
    title: 'UNTIL',
    text: ({ token }) => (token.expired ? 'ended' : localTime(token.endsAt)),
    style: ({ token }) => (token.expired ? 'amber' : undefined),
  },
  { title: 'USED', text: ({ token }) => (token.usedAt === undefined ? 'never' : localTime(token.usedAt)) },
  {
    title: 'ROLES',
    text: ({ token, names }) =>
      listNames(
        token.bindings.map((binding) => bindingText(binding, names)),
        ', ',
      ),
    shrink: true,
  },
];

interface CreateOptions extends OutputOptions {
  role?: string[];
  days?: number;
}

export function addToken(token: Command, io: Io): void {
  withWatch(token.command('list'))
    .description('API tokens, without their secrets: your own, and those of others where you may see them')
    .action((options: ViewOptions) =>
      options.output === 'table'
        ? showList(io, options, {
            columns,
            none: 'there are no tokens',
            fetch: async (client) => {
              const [{ items }, names] = await Promise.all([client.call('tokenList'), guestNames(client)]);
              return { items: items.map((each) => ({ token: each, names })) };
            },
          })
        : showList(io, options, { columns: [], none: '', fetch: (client) => client.call('tokenList') }),
    );

  withOutput(token.command('create'))
    .description('make an API token; its secret is printed on standard output, this once')
    .argument('<name>', 'lower-case letters and digits')
    .option('--role <role...>', 'ROLE on the site, ROLE@zone:NAME or ROLE@guest:NAME; default: what you may yourself')
    .option('--days <number>', 'how long it lives; default 90', wholeNumber(1, 366))
    .action(async (name: string, { role, days, ...options }: CreateOptions) => {
      const body = { name, ...(role ? { bindings: role.map(readBinding) } : {}), ...(days === undefined ? {} : { days }) };
      await connected(io, options, async ({ client }) => {
        const made = await client.call('tokenCreate', { body });
        if (options.output !== 'table') io.stdout.write(await renderValue(made, options.output));
        else {
          io.stderr.write(`token ${name} lives until ${localTime(made.token.endsAt)}; its secret is not shown again:\n`);
          io.stdout.write(`${made.secret}\n`);
        }
      });
    });

  withOutput(token.command('delete'))
    .description('delete an API token; what is open by it ends at once')
    .argument('<token>', 'name')
    .action((name: string, options: OutputOptions) =>
      connected(io, options, async ({ client }) => {
        const deleted = await client.call('tokenDelete', { params: { token: name } });
        io.stdout.write(options.output === 'table' ? `token ${name} was deleted\n` : await renderValue(deleted, options.output));
      }),
    );
}
