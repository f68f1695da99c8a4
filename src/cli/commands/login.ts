// `caisson login URL` and `caisson logout`: a session of the command line, kept as a context.
import { type Command, Option } from 'commander';
import { type Client, createClient } from '../../api/client.ts';
import { fetchAuthority } from '../../api/fetch-authority.ts';
import { createNodeTransport, parseDaemonUrl } from '../../api/node-transport.ts';
import { CaissonError } from '../../lib/errors.ts';
import { harmlessLine } from '../../lib/harmless.ts';
import type { SignedIn } from '../../model/session.ts';
import { signInByBrowser } from '../browser-login.ts';
import { changeContexts, type Context, contextOf, isContextName, localContext, readContexts } from '../contexts.ts';
import { Advised } from '../failure.ts';
import { type OutputOptions, withFormat } from '../command.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { askLine, readPassword } from '../prompt.ts';
import { readAuthority } from '../read-authority.ts';
import { localTime } from '../times.ts';

interface LoginOptions extends Pick<OutputOptions, 'output'> {
  user?: string;
  as?: string;
  code?: string;
  web?: boolean;
  browser: boolean;
  passwordStdin?: boolean;
  ca?: string;
  fingerprint?: string;
}

interface LogoutOptions extends Pick<OutputOptions, 'output'> {
  context?: string;
}

const help = `
Where the password is not enough, since your second factor is a security key, or where nobody has one, the browser is offered by itself.`;

export function addLogin(login: Command, io: Io): void {
  withFormat(login)
    .argument('<url>', 'the daemon’s address')
    .option('--user <name>', 'who signs in; asked for on a terminal')
    .option('--password-stdin', 'the password is the first line of standard input')
    .option('--code <code>', 'of the second factor, or a recovery code; asked for on a terminal where it is needed')
    .addOption(
      new Option('--web', 'by a browser: approve a code on the page, signed in there by security key, provider or password').conflicts([
        'code',
        'passwordStdin',
      ]),
    )
    .option('--no-browser', 'with --web: only print the address')
    .addOption(new Option('--ca <file>', 'the authority of its certificate, as “caisson host ca” prints it there').conflicts('fingerprint'))
    .option('--fingerprint <sha256>', 'or the fingerprint of that authority: it is fetched, compared, and the only one from then on')
    .option('--as <context>', 'name of the context; default: the host’s name')
    .addHelpText('after', help)
    .action((url: string, options: LoginOptions) => signIn(io, url, options));
}

export function addLogout(logout: Command, io: Io): void {
  withFormat(logout)
    .option('--context <name>', 'which one; default: the current one')
    .action((options: LogoutOptions) => signOut(io, options));
}

async function signIn(io: Io, url: string, options: LoginOptions): Promise<void> {
  const authority = await authorityOf(url, options);
  const address = parseDaemonUrl(url, undefined, authority);
  if ('socketPath' in address)
    throw new CaissonError('invalid', 'nobody signs in on the socket: who may open it may everything; use --data, or the context local');
  const name = options.as ?? new URL(url).hostname.replaceAll(/^\[|\]$/g, '').replaceAll(':', '-');
  if (!isContextName(name)) throw new CaissonError('invalid', `“${name}” cannot be a context’s name: choose one with --as`);
  // One that cannot be read is told before anybody signs in.
  readContexts(io.env);
  const transport = createNodeTransport(address);
  try {
    const client = createClient(transport);
    const { user, token, endsAt, endsUnusedAt } = await beSignedIn(io, client, { url, authority }, options);
    const context: Context = {
      url,
      user,
      endsAt,
      ...(token === undefined ? {} : { token }),
      ...(authority === undefined ? {} : { authority }),
    };
    await changeContexts(io.env, ({ contexts }) => ({ current: name, contexts: { ...contexts, [name]: context } })).catch(
      async (error: unknown) => {
        // Nobody could use it.
        await endSession({ url, authority, token }).catch(() => undefined);
        throw error;
      },
    );
    const done = `${user} is signed in at ${url} until ${localTime(endsAt)}; the context ${name} is used from now on\n`;
    // Without the token: it is in the file alone.
    const value = { context: name, url, user, endsAt, endsUnusedAt };
    io.stdout.write(options.output === 'table' ? done : await renderValue(value, options.output));
  } finally {
    transport.close();
  }
}

async function signOut(io: Io, { context: given, output }: LogoutOptions): Promise<void> {
  const contexts = readContexts(io.env);
  const name = given ?? contexts.current;
  if (name === localContext) throw new CaissonError('invalid', 'nobody is signed in: the context local is this machine’s own daemon');
  const { token, endsAt: _, ...rest } = contextOf(contexts, name);
  if (token === undefined) throw new CaissonError('not-allowed', `nobody is signed in at ${rest.url}`);
  await endSession({ ...rest, token });
  await changeContexts(io.env, (now) => {
    // Signed in anew meanwhile, or forgotten: that stays.
    const isTheSame = Object.hasOwn(now.contexts, name) && now.contexts[name]?.token === token;
    return isTheSame ? { ...now, contexts: { ...now.contexts, [name]: rest } } : now;
  });
  const { url, user } = rest;
  io.stdout.write(output === 'table' ? `${user} is signed out at ${url}\n` : await renderValue({ context: name, url, user }, output));
}

interface Place {
  url: string;
  authority?: string | undefined;
}

/** By what was asked for, and by the browser where only that is left. */
async function beSignedIn(io: Io, client: Client, at: Place, options: LoginOptions): Promise<SignedIn> {
  const { url } = at;
  const byBrowser = async (expected: string | undefined) => {
    const signedIn = await signInByBrowser(io, client, { url, browser: options.browser });
    if (expected === undefined || signedIn.user === expected) return signedIn;
    await endSession({ ...at, token: signedIn.token });
    throw new CaissonError(
      'forbidden',
      `${signedIn.user} has approved it in the browser, not ${expected}: log out there, or name nobody here; the session is ended again`,
    );
  };
  if (options.web) return byBrowser(options.user);
  const user = options.user ?? (await askUser(io, client));
  if (user === '') return byBrowser(undefined);
  const password = await readPassword(io, { fromStdin: options.passwordStdin, of: `${user} at ${url}` });
  const call = (code?: string) => client.call('login', { body: { user, password, as: 'token', ...(code === undefined ? {} : { code }) } });
  return call(options.code).catch(async (error: unknown) => {
    if (!needsCode(error) || options.code !== undefined) throw error;
    const isByKey = error.details?.['browser'] === true;
    if (!io.stdin.isTTY)
      throw new Advised('a code of the second factor is needed too', error, [
        isByKey ? 'give a recovery code with --code, or use your security key in a browser: --web' : 'give it with --code',
      ]);
    if (!isByKey) return call(await askLine(io, 'Code of the second factor: '));
    io.stderr.write('Your second factor is a security key, which works in a browser (a recovery code: --code).\n');
    return byBrowser(user);
  });
}

async function endSession({ url, authority, token }: Place & { token: string | undefined }): Promise<void> {
  const transport = createNodeTransport(parseDaemonUrl(url, token, authority));
  try {
    await createClient(transport)
      .call('logout')
      .catch((error: unknown) => {
        // It has ended already.
        if (!(error instanceof CaissonError) || error.code !== 'unauthorized') throw error;
      });
  } finally {
    transport.close();
  }
}

/** Absent: those that the runtime trusts, or none is needed. */
async function authorityOf(url: string, { ca, fingerprint }: LoginOptions): Promise<string | undefined> {
  if (ca !== undefined) return readAuthority(ca);
  return fingerprint === undefined ? undefined : (await fetchAuthority(url, { fingerprint })).pem;
}

/** Empty: by the browser. */
async function askUser(io: Io, client: Client): Promise<string> {
  if (!io.stdin.isTTY) throw new CaissonError('invalid', 'say who signs in: --user NAME; or --web, by a browser');
  const { password, provider } = await client.call('loginShow');
  if (provider === undefined) return askLine(io, 'User: ');
  if (password) return askLine(io, `User (empty: by “${harmlessLine(provider)}”, in a browser): `);
  io.stderr.write(`People sign in here by “${harmlessLine(provider)}”, in a browser.\n`);
  return '';
}

function needsCode(error: unknown): error is CaissonError {
  return error instanceof CaissonError && error.code === 'unauthorized' && error.details?.['secondFactor'] === 'required';
}
