// `caisson oidc …`: by whom people may sign in who have an account elsewhere (OpenID Connect), and what their groups may here.
import { readFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import type { Client } from '../../api/client.ts';
import { CaissonError, describeError } from '../../lib/errors.ts';
import type { Provider, ProviderCheck, WantedProvider } from '../../model/identity-provider.ts';
import { type OutputOptions, showDetail, withOutput } from '../command.ts';
import { connected } from '../connection.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { bindingText, guestNames, readBinding } from '../role-words.ts';
import type { Field } from '../table.ts';

interface SetOptions extends OutputOptions {
  issuer?: string;
  clientId?: string;
  clientSecretFile?: string;
  label?: string;
  scope?: string[];
  userClaim?: string;
  groupsClaim?: string;
  role?: string[];
}

export function addOidc(oidc: Command, io: Io): void {
  withOutput(oidc.command('show'))
    .description('the provider, without its secret')
    .action((options: OutputOptions) =>
      options.output === 'table'
        ? showDetail<Named>(io, options, {
            fields: ({ provider, names }) => fields(provider, names),
            fetch: async (client) => {
              const [provider, names] = await Promise.all([client.call('identityProviderShow'), guestNames(client)]);
              return { provider, names };
            },
          })
        : showDetail(io, options, { fields: () => [], fetch: (client) => client.call('identityProviderShow') }),
    );

  withOutput(oidc.command('set'))
    .description('let people sign in by a provider; what is not said stays as it is')
    .option('--issuer <url>', 'what the provider calls itself: https://…')
    .option('--client-id <id>', 'what it calls this site')
    .option('--client-secret-file <file>', 'a file with the secret that it gave for that; only its first line counts')
    .option('--label <text>', 'for the button of the page; default: the issuer’s host')
    .option('--scope <scope...>', 'asked for beside openid; default: profile')
    .option('--user-claim <name>', 'by which new users are named; default: preferred_username')
    .option('--groups-claim <name>', 'which holds their groups; default: groups')
    .option(
      '--role <group=role...>',
      'GROUP=ROLE, GROUP=ROLE@zone:NAME or GROUP=ROLE@guest:NAME; in place of those that there are',
      collectGroups,
    )
    .action((options: SetOptions) =>
      connected(io, options, async ({ client }) => {
        const body = await wanted(client, options);
        const provider = await client.call('identityProviderSet', { body });
        // It counts in any case: the provider may answer later.
        const why = await client.call('identityProviderCheck').then(
          () => undefined,
          (error: unknown) => describeError(error),
        );
        if (why !== undefined) io.stderr.write(`it is set, but cannot be used yet: ${why}\n`);
        io.stdout.write(
          options.output === 'table' ? `people of ${provider.issuer} may sign in\n` : await renderValue(provider, options.output),
        );
      }),
    );

  withOutput(oidc.command('check'))
    .description('ask the provider what it says of itself, now')
    .action((options: OutputOptions) =>
      showDetail<ProviderCheck>(io, options, {
        fields: ({ issuer, authorizationEndpoint, keys, endsSessions, tellsOfLogouts }): Field[] => [
          ['issuer', issuer],
          ['people go to', authorizationEndpoint],
          ['keys', String(keys)],
          ['ends sessions', endsSessions ? 'yes' : 'no'],
          ['tells of logouts', tellsOfLogouts ? 'yes' : 'no'],
        ],
        fetch: (client) => client.call('identityProviderCheck'),
      }),
    );

  withOutput(oidc.command('delete'))
    .description('nobody signs in by it any more; sessions that it began end, users stay')
    .action((options: OutputOptions) =>
      connected(io, options, async ({ client }) => {
        const provider = await client.call('identityProviderDelete');
        const done = `nobody signs in by ${provider.issuer} any more\n`;
        io.stdout.write(options.output === 'table' ? done : await renderValue(provider, options.output));
      }),
    );
}

interface Named {
  provider: Provider;
  names: ReadonlyMap<string, string>;
}

function fields(provider: Provider, names: ReadonlyMap<string, string>): Field[] {
  return [
    ['issuer', provider.issuer],
    ['label', provider.label],
    ['client', provider.clientId],
    ['secret', provider.hasSecret ? 'is kept' : 'none', provider.hasSecret ? undefined : 'amber'],
    ['scopes', ['openid', ...provider.scopes].join(' ')],
    ['user claim', provider.userClaim],
    ['groups claim', provider.groupsClaim],
    [
      'roles',
      provider.roles.map(({ group, ...binding }) => `${group}: ${bindingText(binding, names)}`).join('\n') || 'none',
      provider.roles.length === 0 ? 'amber' : undefined,
    ],
  ];
}

async function wanted(client: Client, options: SetOptions): Promise<WantedProvider> {
  const before = await client.call('identityProviderShow').catch((error: unknown) => {
    if (error instanceof CaissonError && error.code === 'not-found') return undefined;
    throw error;
  });
  const issuer = options.issuer ?? before?.issuer;
  const clientId = options.clientId ?? before?.clientId;
  if (issuer === undefined || clientId === undefined)
    throw new CaissonError('invalid', 'say which provider, and what it calls this site: --issuer URL --client-id ID');
  const clientSecret = options.clientSecretFile === undefined ? undefined : await readSecret(options.clientSecretFile);
  return {
    issuer,
    clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    label: options.label ?? before?.label ?? URL.parse(issuer)?.host ?? issuer,
    scopes: options.scope ?? before?.scopes ?? ['profile'],
    userClaim: options.userClaim ?? before?.userClaim ?? 'preferred_username',
    groupsClaim: options.groupsClaim ?? before?.groupsClaim ?? 'groups',
    roles: options.role?.map(readGroupRole) ?? before?.roles ?? [],
  };
}

async function readSecret(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CaissonError('invalid', `the secret in ${path} cannot be read`, { cause });
  });
  const [secret = ''] = text.split('\n');
  if (secret.trim() === '') throw new CaissonError('invalid', `the first line of ${path} is empty: expected is the secret`);
  return secret.trim();
}

/** A group may have any name; a role has no `=`. */
function readGroupRole(text: string): { group: string; role: ReturnType<typeof readBinding>['role']; on: string } {
  const at = text.lastIndexOf('=');
  if (at < 1)
    throw new CaissonError('invalid', `“${text}” is no role of a group: expected is GROUP=ROLE, for example staff=operator@zone:teaching`);
  return { group: text.slice(0, at), ...readBinding(text.slice(at + 1)) };
}

function collectGroups(text: string, before: string[] | undefined): string[] {
  try {
    readGroupRole(text);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
  return [...(before ?? []), text];
}
