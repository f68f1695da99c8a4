// `caisson ui`: the address of the page, and a browser with it where there is one. On the host itself, by a link that signs in once.
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import type { Client } from '../../api/client.ts';
import type { User } from '../../model/user.ts';
import { withConnection } from '../command.ts';
import { addressOf, connected, type ConnectionOptions } from '../connection.ts';
import type { Io } from '../io.ts';

interface UiOptions extends ConnectionOptions {
  user?: string;
  browser: boolean;
}

const help = `
On the host itself the link signs you in, once, within two minutes: as --user, as who called sudo, or as the only user. As long as there are no users
it makes the first one. Elsewhere it is the address alone.`;

export function addUi(command: Command, io: Io): void {
  withConnection(command)
    .option('--user <name>', 'on the host itself: whom to sign in')
    .option('--no-browser', 'only print the address')
    .addHelpText('after', help)
    .action((options: UiOptions) => ui(io, options));
}

async function ui(io: Io, options: UiOptions): Promise<void> {
  const address = addressOf(options, io.env);
  if ('url' in address && options.user !== undefined)
    throw new CaissonError('invalid', '--user is for the host itself: elsewhere you sign in with name and password');
  const links =
    'url' in address
      ? [new URL('/', address.url).href]
      : await connected(io, options, ({ client }) => localLinks(io, client, options.user));
  for (const link of links) io.stdout.write(`${link}\n`);
  const [first] = links;
  if (!options.browser || first === undefined) return;
  const { openBrowser } = await import('../open-browser.ts');
  const why = await openBrowser(first, io.env);
  if (why !== undefined) io.stderr.write(`no browser was opened: ${why}\n`);
}

async function localLinks(io: Io, client: Client, wanted: string | undefined): Promise<string[]> {
  const { items } = await client.call('userList');
  const able = items.filter(({ enabled }) => enabled);
  if (items.length === 0) {
    const { links } = await client.call('setUpLink');
    if (links.length > 0) return links;
    throw new CaissonError('not-allowed', 'the daemon listens on no address that a browser could open: start it with --listen HOST:PORT');
  }
  const user = wanted ?? whoItIs(able, io.env);
  return (await client.call('userSignInLink', { params: { user } })).links;
}

function whoItIs(users: readonly User[], env: Io['env']): string {
  const known = users.find(({ name }) => name === env['SUDO_USER'] || name === env['USER']) ?? (users.length === 1 ? users[0] : undefined);
  if (known) return known.name;
  throw new CaissonError('invalid', `who is it? Give --user NAME, one of: ${users.map(({ name }) => name).join(', ')}`);
}
