// `caisson login URL` and `caisson logout`: a session of the command line, kept as a context.
import { type Command, Option } from 'commander';
import { createClient } from '../../api/client.ts';
import { fetchAuthority } from '../../api/fetch-authority.ts';
import { createNodeTransport, parseDaemonUrl } from '../../api/node-transport.ts';
import { CaissonError } from '../../lib/errors.ts';
import type { SignedIn } from '../../model/session.ts';
import { type Context, contextOf, isContextName, localContext, readContexts, writeContexts } from '../contexts.ts';
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
  passwordStdin?: boolean;
  ca?: string;
  fingerprint?: string;
}

interface LogoutOptions extends Pick<OutputOptions, 'output'> {
  context?: string;
}

export function addLogin(login: Command, io: Io): void {
  withFormat(login)
    .argument('<url>', 'the daemon’s address')
    .option('--user <name>', 'who signs in; asked for on a terminal')
    .option('--password-stdin', 'the password is the first line of standard input')
    .option('--code <code>', 'of the second factor, or a recovery code; asked for on a terminal where it is needed')
    .addOption(new Option('--ca <file>', 'the authority of its certificate, as “caisson host ca” prints it there').conflicts('fingerprint'))
    .option('--fingerprint <sha256>', 'or the fingerprint of that authority: it is fetched, compared, and the only one from then on')
    .option('--as <context>', 'name of the context; default: the host’s name')
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
  const contexts = readContexts(io.env);
  const user = options.user ?? (await askUser(io));
  const password = await readPassword(io, { fromStdin: options.passwordStdin, of: `${user} at ${url}` });
  const transport = createNodeTransport(address);
  try {
    const client = createClient(transport);
    const call = (code?: string): Promise<SignedIn> =>
      client.call('login', { body: { user, password, as: 'token', ...(code === undefined ? {} : { code }) } });
    const signedIn = await call(options.code).catch(async (error: unknown) => {
      if (!needsCode(error) || options.code !== undefined) throw error;
      if (!io.stdin.isTTY) throw new Advised('a code of the second factor is needed too', error, ['give it with --code']);
      return call(await askLine(io, 'Code of the second factor: '));
    });
    const { token, endsAt, endsUnusedAt } = signedIn;
    const context: Context = {
      url,
      user,
      endsAt,
      ...(token === undefined ? {} : { token }),
      ...(authority === undefined ? {} : { authority }),
    };
    await writeContexts(io.env, { current: name, contexts: { ...contexts.contexts, [name]: context } });
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
  const transport = createNodeTransport(parseDaemonUrl(rest.url, token, rest.authority));
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
  await writeContexts(io.env, { ...contexts, contexts: { ...contexts.contexts, [name]: rest } });
  const { url, user } = rest;
  io.stdout.write(output === 'table' ? `${user} is signed out at ${url}\n` : await renderValue({ context: name, url, user }, output));
}

/** Absent: those that the runtime trusts, or none is needed. */
async function authorityOf(url: string, { ca, fingerprint }: LoginOptions): Promise<string | undefined> {
  if (ca !== undefined) return readAuthority(ca);
  return fingerprint === undefined ? undefined : (await fetchAuthority(url, { fingerprint })).pem;
}

function askUser(io: Io): Promise<string> {
  if (!io.stdin.isTTY) throw new CaissonError('invalid', 'say who signs in: --user NAME');
  return askLine(io, 'User: ');
}

function needsCode(error: unknown): boolean {
  return error instanceof CaissonError && error.code === 'unauthorized' && error.details?.['secondFactor'] === 'required';
}
