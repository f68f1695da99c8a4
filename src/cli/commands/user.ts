// `caisson user …`: who may sign in.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Client } from '../../api/client.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { Me } from '../../model/me.ts';
import type { SecurityKey } from '../../model/security-key.ts';
import type { Session } from '../../model/session.ts';
import type { User } from '../../model/user.ts';
import { type OutputOptions, showDetail, showList, type ViewOptions, withOutput, withWatch } from '../command.ts';
import { connected } from '../connection.ts';
import type { Io } from '../io.ts';
import { fieldsFor, renderValue } from '../output.ts';
import { askLine, readPassword } from '../prompt.ts';
import { bindingText, guestNames, readBinding } from '../role-words.ts';
import { type Column, type Field, listNames } from '../table.ts';
import { localTime } from '../times.ts';

interface Named {
  user: User;
  names: ReadonlyMap<string, string>;
}

const columns: Column<Named>[] = [
  { title: 'NAME', text: ({ user }) => user.name },
  { title: 'FULL NAME', text: ({ user }) => user.fullName ?? '', shrink: true, optional: true },
  { title: 'SIGNS IN', text: ({ user }) => signsIn(user), style: ({ user }) => signsInTone(user) },
  { title: 'SECOND FACTOR', text: ({ user }) => (user.secondFactor ? 'yes' : 'no') },
  { title: 'LAST', text: ({ user }) => (user.lastSignInAt === undefined ? 'never' : localTime(user.lastSignInAt)) },
  {
    title: 'ROLES',
    text: ({ user, names }) =>
      listNames(
        user.bindings.map((binding) => bindingText(binding, names)),
        ', ',
      ),
    shrink: true,
  },
];

interface AddOptions extends OutputOptions {
  fullName?: string;
  role?: string[];
  passwordStdin?: boolean;
  password: boolean;
}

interface SetOptions extends OutputOptions {
  fullName?: string;
  enable?: boolean;
  disable?: boolean;
}

const oneself = 'your own account asks for the password that you have';

export function addUser(user: Command, io: Io): void {
  withWatch(user.command('list'))
    .description('every user with their roles')
    .action((options: ViewOptions) =>
      options.output === 'table'
        ? showList(io, options, {
            columns,
            none: 'there are no users: “caisson user add” makes one, “caisson user setup-link” lets a browser make the first',
            fetch: async (client) => {
              const [{ items }, names] = await Promise.all([client.call('userList'), guestNames(client)]);
              return { items: items.map((each) => ({ user: each, names })) };
            },
          })
        : showList(io, options, { columns: [], none: '', fetch: (client) => client.call('userList') }),
    );

  withOutput(user.command('show'))
    .description('one user, with where they are signed in')
    .argument('<user>', 'name')
    .action((name: string, options: OutputOptions) =>
      options.output === 'table'
        ? showDetail<Everything>(io, options, {
            fields: ({ found, sessions, names }) => fields(found, sessions, names),
            fetch: (client) => fetchAll(client, name),
          })
        : showDetail(io, options, { fields: () => [], fetch: (client) => client.call('userShow', { params: { user: name } }) }),
    );

  withOutput(user.command('me'))
    .description('who you are to the daemon, and what you may')
    .action((options: OutputOptions) =>
      options.output === 'table'
        ? showDetail<Myself>(io, options, {
            fields: ({ me, names }) => myFields(me, names),
            fetch: async (client) => {
              const [me, names] = await Promise.all([client.call('meShow'), guestNames(client)]);
              return { me, names };
            },
          })
        : showDetail(io, options, { fields: () => [], fetch: (client) => client.call('meShow') }),
    );

  withOutput(user.command('add'))
    .description('make a user; asks for the password')
    .argument('<name>', 'lower-case letters and digits')
    .option('--full-name <text>', 'for people to read')
    .option('--role <role...>', 'ROLE on the site, ROLE@zone:NAME or ROLE@guest:NAME', collectRoles)
    .option('--password-stdin', 'the password is the first line of standard input')
    .option('--no-password', 'without one: they cannot sign in yet')
    .action(async (name: string, { fullName, role = [], passwordStdin, password: wanted, ...options }: AddOptions) => {
      const password = wanted ? await readPassword(io, { fromStdin: passwordStdin, isNew: true, of: name }) : undefined;
      const body = {
        name,
        bindings: role.map(readBinding),
        ...(fullName === undefined ? {} : { fullName }),
        ...(password === undefined ? {} : { password }),
      };
      await change(io, options, (client) => client.call('userAdd', { body }), `user ${name} was made`);
    });

  withOutput(user.command('set'))
    .description('change a full name, or whether a user may sign in; roles are changed by “caisson role”')
    .argument('<user>', 'name')
    .option('--full-name <text>', 'for people to read')
    .addOption(new Option('--enable', 'they may sign in').conflicts('disable'))
    .addOption(new Option('--disable', 'they may not, and what they have open ends at once'))
    .action(async (name: string, { fullName, enable, disable, ...options }: SetOptions) => {
      if (fullName === undefined && !enable && !disable) throw new CaissonError('invalid', 'nothing to change: --help tells what can be');
      const body = { ...(fullName === undefined ? {} : { fullName }), ...(enable || disable ? { enabled: enable === true } : {}) };
      await change(io, options, (client) => client.call('userSet', { params: { user: name }, body }), `user ${name} was changed`);
    });

  withOutput(user.command('delete'))
    .description('delete a user, with sessions and tokens')
    .argument('<user>', 'name')
    .action((name: string, options: OutputOptions) =>
      change(io, options, (client) => client.call('userDelete', { params: { user: name } }), `user ${name} was deleted`),
    );

  withOutput(user.command('password'))
    .description(`set a password; other sessions of the user end; ${oneself}`)
    .argument('<user>', 'name')
    .option('--password-stdin', 'the password is the first line of standard input')
    .action((name: string, { passwordStdin, ...options }: OutputOptions & { passwordStdin?: boolean }) =>
      change(
        io,
        options,
        async (client) => {
          const current = await currentPassword(io, client, name);
          const password = await readPassword(io, { fromStdin: passwordStdin, isNew: true, of: name });
          return client.call('userPassword', { params: { user: name }, body: { password, ...current } });
        },
        `user ${name} has a new password`,
      ),
    );

  withOutput(user.command('totp'))
    .description(`give a user a second factor: codes of an authenticator program; ${oneself}`)
    .argument('<user>', 'name')
    .option('--remove', 'take it away; security keys stay')
    .action((name: string, { remove, ...options }: OutputOptions & { remove?: boolean }) =>
      remove
        ? change(
            io,
            options,
            async (client) => client.call('userTotpRemove', { params: { user: name }, body: await currentPassword(io, client, name) }),
            `user ${name} has no second factor any more`,
          )
        : beginTotp(io, options, name),
    );

  withOutput(user.command('keys'))
    .description(`a user’s security keys, each for the host name by which the page was open; the page adds them; ${oneself}`)
    .argument('<user>', 'name')
    .option('--remove <key>', 'take it away, by its name')
    .action((name: string, { remove, ...options }: OutputOptions & { remove?: string }) =>
      remove === undefined
        ? showList(io, options, {
            columns: keyColumns,
            none: `${name} has no security key: it is added in the settings of the page`,
            fetch: async (client) => ({ items: (await client.call('userShow', { params: { user: name } })).keys }),
          })
        : change(
            io,
            options,
            async (client) => {
              const body = { name: remove, ...(await currentPassword(io, client, name)) };
              return client.call('userKeyRemove', { params: { user: name }, body });
            },
            `the key ${remove} of ${name} was removed`,
          ),
    );

  withOutput(user.command('sessions'))
    .description('where a user is signed in')
    .argument('<user>', 'name')
    .option('--end [session]', 'end this one, or all of them, and what was opened by it')
    .action((name: string, { end, ...options }: OutputOptions & { end?: string | boolean }) =>
      typeof end === 'string'
        ? connected(io, options, async ({ client }) => {
            const ended = await client.call('sessionEndOne', { params: { user: name, session: end } });
            const done = `the session ${ended.id} of ${name}, from ${ended.address}, ended\n`;
            io.stdout.write(options.output === 'table' ? done : await renderValue(ended, options.output));
          })
        : end
          ? connected(io, options, async ({ client }) => {
              const ended = await client.call('sessionEnd', { params: { user: name } });
              io.stdout.write(
                options.output === 'table' ? `${ended.ended} sessions of ${name} ended\n` : await renderValue(ended, options.output),
              );
            })
          : showList(io, options, {
              columns: sessionColumns,
              none: `${name} is signed in nowhere`,
              fetch: (client) => client.call('sessionList', { params: { user: name } }),
            }),
    );

  withOutput(user.command('link'))
    .description('a link by which a user chooses a password, once, within a day: for who is new, or has forgotten it')
    .argument('<user>', 'name')
    .action((name: string, options: OutputOptions) =>
      connected(io, options, async ({ client }) => {
        const link = await client.call('userPasswordLink', { params: { user: name } });
        io.stdout.write(
          options.output === 'table' ? link.links.map((each) => `${each}\n`).join('') : await renderValue(link, options.output),
        );
      }),
    );

  withOutput(user.command('forget-provider'))
    .description(`a user is not known by the provider of identities any more; ${oneself}`)
    .argument('<user>', 'name')
    .action((name: string, options: OutputOptions) =>
      change(
        io,
        options,
        async (client) => client.call('userProviderForget', { params: { user: name }, body: await currentPassword(io, client, name) }),
        `user ${name} does not sign in by the provider any more`,
      ),
    );

  withOutput(user.command('setup-link'))
    .description('a new link by which a browser makes the first administrator, once, within a day; only while there are no users')
    .action((options: OutputOptions) =>
      connected(io, options, async ({ client }) => {
        const link = await client.call('setUpLink');
        if (options.output !== 'table') io.stdout.write(await renderValue(link, options.output));
        else if (link.links.length > 0) io.stdout.write(link.links.map((each) => `${each}\n`).join(''));
        else throw new CaissonError('not-allowed', 'the daemon listens on no address for browsers: start it with --listen');
      }),
    );
}

const keyColumns: Column<SecurityKey>[] = [
  { title: 'KEY', text: ({ name }) => name },
  { title: 'AT', text: ({ host }) => host },
  { title: 'KEPT', text: ({ synced }) => (synced ? 'by an account elsewhere' : 'in the key') },
  { title: 'SINCE', text: ({ createdAt }) => localTime(createdAt) },
  { title: 'USED', text: ({ usedAt }) => (usedAt === undefined ? 'never' : localTime(usedAt)) },
];

const sessionColumns: Column<Session>[] = [
  { title: 'SESSION', text: ({ id }) => id },
  { title: 'OF', text: ({ kind }) => (kind === 'cookie' ? 'a browser' : 'a command line') },
  { title: 'SINCE', text: ({ createdAt }) => localTime(createdAt) },
  { title: 'USED', text: ({ usedAt }) => localTime(usedAt) },
  { title: 'UNTIL', text: ({ endsUnusedAt }) => localTime(endsUnusedAt) },
  { title: 'FROM', text: ({ address }) => address },
  { title: 'WITH', text: ({ program }) => program, shrink: true, optional: true },
];

function collectRoles(text: string, before: string[] | undefined): string[] {
  try {
    readBinding(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return [...(before ?? []), text];
}

async function change(io: Io, options: OutputOptions, call: (client: Client) => Promise<User>, done: string): Promise<void> {
  await connected(io, options, async ({ client }) => {
    const changed = await call(client);
    io.stdout.write(options.output === 'table' ? `${done}\n` : await renderValue(changed, options.output));
  });
}

/** Only who changes the own account by a session is asked. */
async function currentPassword(io: Io, client: Client, name: string): Promise<{ currentPassword?: string }> {
  const me = await client.call('meShow');
  if (me.user !== name || me.session === undefined) return {};
  return { currentPassword: await readPassword(io, { of: `${name} until now` }) };
}

async function beginTotp(io: Io, options: OutputOptions, name: string): Promise<void> {
  if (!io.stdin.isTTY) throw new CaissonError('invalid', 'this needs a terminal: a code of the authenticator is asked for');
  await connected(io, options, async ({ client }) => {
    const body = await currentPassword(io, client, name);
    const begun = await client.call('userTotpBegin', { params: { user: name }, body });
    io.stderr.write(
      `Give this to the authenticator:\n${fieldsFor(io, [
        ['secret', begun.secret],
        ['address', begun.uri],
      ])}`,
    );
    const code = await askLine(io, 'The code that it shows now: ');
    const confirmed = await client.call('userTotpConfirm', { params: { user: name }, body: { code } });
    if (options.output !== 'table') io.stdout.write(await renderValue(confirmed, options.output));
    else {
      const codes = confirmed.recoveryCodes.length > 0 ? '. Each of these signs in once in place of a code; they are not shown again:' : '';
      io.stderr.write(`user ${name} has an authenticator from now on${codes}\n`);
      io.stdout.write(confirmed.recoveryCodes.map((each) => `${each}\n`).join(''));
    }
  });
}

interface Myself {
  me: Me;
  names: ReadonlyMap<string, string>;
}

function myFields(me: Me, names: ReadonlyMap<string, string>): Field[] {
  const places = (of: Record<string, string[]>, nameOf: (key: string) => string) =>
    Object.entries(of)
      .map(([key, allowed]) => `${nameOf(key)}: ${allowed.join(', ')}`)
      .join('\n');
  return [
    ['who', me.actor],
    ['full name', me.fullName],
    ['roles', me.bindings.map((binding) => bindingText(binding, names)).join('\n')],
    ['on the site', me.site.length === 0 ? 'nothing' : me.site.join(', ')],
    ['on zones', places(me.zones, (name) => name)],
    ['on guests', places(me.guests, (uid) => names.get(uid) ?? uid)],
    ['second factor', me.secondFactor === undefined ? undefined : me.secondFactor ? 'yes' : 'no'],
    ['signed in until', me.session && localTime(me.session.endsUnusedAt)],
  ];
}

interface Everything {
  found: User;
  sessions: Session[];
  names: ReadonlyMap<string, string>;
}

async function fetchAll(client: Client, name: string): Promise<Everything> {
  const params = { user: name };
  const [found, { items: sessions }, names] = await Promise.all([
    client.call('userShow', { params }),
    client.call('sessionList', { params }),
    guestNames(client),
  ]);
  return { found, sessions, names };
}

function fields(user: User, sessions: Session[], names: ReadonlyMap<string, string>): Field[] {
  return [
    ['name', user.name],
    ['full name', user.fullName],
    ['signs in', signsIn(user), signsInTone(user)],
    ['second factor', user.secondFactor ? secondFactorText(user) : 'no'],
    ['security keys', user.keys.map(({ name, host }) => `${name}, at ${host}`).join('\n')],
    ['roles', user.bindings.length === 0 ? 'none' : user.bindings.map((binding) => bindingText(binding, names)).join('\n')],
    ['by provider', user.identity && `${user.identity.subject} of ${user.identity.issuer}`],
    [
      'roles of groups',
      user.providerRoles &&
        (user.providerRoles.bindings.map((binding) => bindingText(binding, names)).join('\n') || 'none') +
          ` (until ${localTime(user.providerRoles.until)})`,
    ],
    ['made', localTime(user.createdAt)],
    ['last sign-in', user.lastSignInAt && localTime(user.lastSignInAt)],
    ['sessions', sessions.map(({ address, usedAt }) => `from ${address}, used ${localTime(usedAt)}`).join('\n')],
  ];
}

function secondFactorText({ authenticator, keys, recoveryCodesLeft = 0 }: User): string {
  const ways = [...(authenticator ? ['codes of an authenticator'] : []), ...(keys.length > 0 ? ['security keys'] : [])];
  return `${ways.join(' or ')}; ${recoveryCodesLeft} recovery codes left`;
}

function signsInTone({ enabled, hasPassword, identity }: User): 'amber' | undefined {
  return enabled && (hasPassword || identity) ? undefined : 'amber';
}

function signsIn({ enabled, hasPassword, identity }: User): string {
  if (!enabled) return 'disabled';
  return hasPassword ? 'yes' : identity ? 'by the provider' : 'no password yet';
}
