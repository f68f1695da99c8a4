// The daemon's own arguments. Real ones come from the root helper; `--simulate` is for people.
import { isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { CaissonError } from '../lib/errors.ts';
import { type ListenAddress, parseListenAddress } from '../lib/listen-address.ts';
import { isDnsName } from './tls/certificate-names.ts';

export type DaemonCommand =
  | { kind: 'host'; verbose: boolean; tls: TlsOptions }
  | {
      kind: 'simulate';
      verbose: boolean;
      tls: TlsOptions;
      dataDirectory: string | undefined;
      listen: ListenAddress[];
      seed: number;
      bootMs: number;
    };

export interface TlsOptions {
  /** Files with a certificate and its key; absent: the host makes its own. */
  given?: { certificate: string; key: string };
  /** Names and addresses that its own certificate is for, besides those that it knows. */
  names: string[];
}

export const usage =
  'usage: daemon --simulate [--data DIR] [--listen ADDRESS:PORT]… [--tls-cert FILE --tls-key FILE] [--tls-name NAME]… [--seed N] [--boot-ms N] [--verbose]\n' +
  '       (without --simulate it is started by the root helper: `caisson daemon`, as root)';

/** Throws `invalid` with the usage, or as parseListenAddress does. */
export function parseDaemonCommand(args: readonly string[]): DaemonCommand {
  const { values } = parse(args);
  const verbose = values.verbose ?? false;
  // The helper says where the data are by its channel; `--data` is there to tell the processes of several daemons apart.
  const tls = tlsOptions(values);
  if (!values.simulate) return { kind: 'host', verbose, tls };
  return {
    kind: 'simulate',
    verbose,
    tls,
    dataDirectory: values.data,
    listen: (values.listen ?? []).map(parseListenAddress),
    seed: number('--seed', values.seed ?? '1'),
    bootMs: number('--boot-ms', values['boot-ms'] ?? '300'),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        simulate: { type: 'boolean' },
        data: { type: 'string' },
        listen: { type: 'string', multiple: true },
        'tls-cert': { type: 'string' },
        'tls-key': { type: 'string' },
        'tls-name': { type: 'string', multiple: true },
        seed: { type: 'string' },
        'boot-ms': { type: 'string' },
        verbose: { type: 'boolean' },
      },
    });
  } catch (cause) {
    throw new CaissonError('invalid', `${(cause as Error).message}\n${usage}`);
  }
}

function tlsOptions(values: { 'tls-cert'?: string; 'tls-key'?: string; 'tls-name'?: string[] }): TlsOptions {
  const { 'tls-cert': certificate, 'tls-key': key, 'tls-name': names = [] } = values;
  for (const name of names) {
    if (isIP(name) === 0 && !isDnsName(name))
      throw new CaissonError('invalid', `--tls-name “${name}” is neither a name nor an address\n${usage}`);
  }
  if (certificate === undefined && key === undefined) return { names };
  if (certificate === undefined || key === undefined)
    throw new CaissonError('invalid', `--tls-cert and --tls-key belong together: a certificate, and its key\n${usage}`);
  if (names.length > 0)
    throw new CaissonError('invalid', `--tls-name is for the host’s own certificate; that in ${certificate} has its names\n${usage}`);
  return { given: { certificate, key }, names };
}

function number(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CaissonError('invalid', `${option} “${text}” is not a whole number\n${usage}`);
  return Number(text);
}
