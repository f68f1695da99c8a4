// `caisson role …`: who may what, and on what.
import type { Argument, Command } from 'commander';
import type { Client } from '../../api/client.ts';
import { CaissonError } from '../../lib/errors.ts';
import { type Role, roles, type RoleBinding } from '../../model/rights.ts';
import type { User } from '../../model/user.ts';
import { type OutputOptions, showList, type ViewOptions, withOutput, withWatch } from '../command.ts';
import { connected } from '../connection.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { bindingText, guestNames } from '../role-words.ts';
import type { Column } from '../table.ts';

interface Granted {
  user: string;
  role: Role;
  on: string;
}

const columns: Column<Granted>[] = [
  { title: 'USER', text: ({ user }) => user },
  { title: 'ROLE', text: ({ role }) => role },
  { title: 'ON', text: ({ on }) => on, shrink: true },
];

interface GrantOptions extends OutputOptions {
  on: string;
}

const notes = `
viewer         sees guests, zones, jobs and events
operator       starts and stops guests too, and opens their consoles
administrator  changes what is wanted too; on the site also users
auditor        sees what a viewer sees, and who did what

A role on a zone counts for the zone and for guests all of whose nics are in zones with it.`;

export function addRole(role: Command, io: Io): void {
  withWatch(role.command('list'))
    .description('who has which role, and on what')
    .addHelpText('after', notes)
    .action((options: ViewOptions) =>
      showList(io, options, {
        columns,
        none: 'nobody has a role',
        fetch: async (client) => {
          const [{ items }, names] = await Promise.all([client.call('userList'), guestNames(client)]);
          return { items: items.flatMap((user) => user.bindings.map((binding) => shown(user, binding, names))) };
        },
      }),
    );

  const grant = withOutput(role.command('grant')).description('give a user a role').argument('<user>', 'name');
  withRole(grant)
    .addHelpText('after', notes)
    .action((name: string, wanted: Role, { on, ...options }: GrantOptions) =>
      change(io, options, name, (user) => [...user.bindings, { role: wanted, on }], `user ${name} is ${wanted} on ${on}`),
    );

  const revoke = withOutput(role.command('revoke'))
    .description('take a role from a user; what they have open and may not have any more ends at once')
    .argument('<user>', 'name');
  withRole(revoke).action((name: string, unwanted: Role, { on, ...options }: GrantOptions) =>
    change(
      io,
      options,
      name,
      (user, scope) => {
        const left = user.bindings.filter((binding) => binding.role !== unwanted || binding.on !== scope);
        if (left.length === user.bindings.length)
          throw new CaissonError('not-found', `user ${name} is not ${unwanted} on ${on}; “caisson role list” shows what they are`);
        return left;
      },
      `user ${name} is not ${unwanted} on ${on} any more`,
      on,
    ),
  );
}

function withRole(command: Command): Command {
  const argument: Argument = command.createArgument('<role>', 'which').choices(roles);
  return command.addArgument(argument).option('--on <what>', 'site, zone:NAME or guest:NAME', 'site');
}

async function change(
  io: Io,
  options: OutputOptions,
  name: string,
  decide: (user: User, scope: string) => { role: Role; on: string }[],
  done: string,
  on = 'site',
): Promise<void> {
  await connected(io, options, async ({ client }) => {
    const { value: user, tag: seen } = await client.see('userShow', { params: { user: name } });
    const bindings = decide(user, await scopeOf(client, on));
    const changed = await client.call('userSet', { params: { user: name }, body: { bindings } }, { seen });
    io.stdout.write(options.output === 'table' ? `${done}\n` : await renderValue(changed, options.output));
  });
}

/** As it is kept: a guest by its uid. One that is gone is named by that alone. */
async function scopeOf(client: Client, on: string): Promise<string> {
  const guest = /^guest:(.*)$/.exec(on)?.[1];
  if (guest === undefined) return on;
  const uid = [...(await guestNames(client))].find(([, name]) => name === guest)?.[0];
  return `guest:${uid ?? guest}`;
}

function shown({ name }: User, binding: RoleBinding, names: ReadonlyMap<string, string>): Granted {
  const [, on = 'site'] = bindingText(binding, names).split('@');
  return { user: name, role: binding.role, on };
}
