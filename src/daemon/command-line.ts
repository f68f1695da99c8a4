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
      acmeListen: ListenAddress[];
      seed: number;
      bootMs: number;
    };

export interface TlsOptions {
  /** Files with a certificate and its key; absent: the host makes its own. */
  given?: { certificate: string; key: string };
  /** Names and addresses that its own certificate is for, besides those that it knows. */
  names: string[];
  /** A certificate of an authority of the world, beside the host's own. */
  acme?: AcmeOptions;
}

export interface AcmeOptions {
  /** Of the ACME server. */
  directory: string;
  /** In DNS, by which the world reaches this host. */
  names: string[];
  /** `mailto:` addresses. */
  contacts: string[];
  /** PEM: whom to trust in place of the machine's authorities. */
  authoritiesFile?: string;
}

export const usage =
  'usage: daemon --simulate [--data DIR] [--listen ADDRESS:PORT]… [--tls-cert FILE --tls-key FILE] [--tls-name NAME]… [--acme-directory URL --acme-name NAME… [--acme-contact MAIL]… [--acme-ca FILE] [--acme-listen ADDRESS:PORT]…] [--seed N] [--boot-ms N] [--verbose]\n' +
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
    acmeListen: (values['acme-listen'] ?? []).map(parseListenAddress),
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
        'acme-directory': { type: 'string' },
        'acme-name': { type: 'string', multiple: true },
        'acme-contact': { type: 'string', multiple: true },
        'acme-ca': { type: 'string' },
        'acme-listen': { type: 'string', multiple: true },
        seed: { type: 'string' },
        'boot-ms': { type: 'string' },
        verbose: { type: 'boolean' },
      },
    });
  } catch (cause) {
    throw new CaissonError('invalid', `${(cause as Error).message}\n${usage}`);
  }
}

interface TlsValues {
  'tls-cert'?: string;
  'tls-key'?: string;
  'tls-name'?: string[];
  'acme-directory'?: string;
  'acme-name'?: string[];
  'acme-contact'?: string[];
  'acme-ca'?: string;
}

function tlsOptions(values: TlsValues): TlsOptions {
  const { 'tls-cert': certificate, 'tls-key': key, 'tls-name': names = [] } = values;
  for (const name of names) {
    if (isIP(name) === 0 && !isDnsName(name))
      throw new CaissonError('invalid', `--tls-name “${name}” is neither a name nor an address\n${usage}`);
  }
  const acme = acmeOptions(values);
  if (acme && (certificate !== undefined || key !== undefined))
    throw new CaissonError('invalid', `--acme-directory gets a certificate, --tls-cert gives one: choose one of them\n${usage}`);
  if (certificate === undefined && key === undefined) return { names, ...(acme ? { acme } : {}) };
  if (certificate === undefined || key === undefined)
    throw new CaissonError('invalid', `--tls-cert and --tls-key belong together: a certificate, and its key\n${usage}`);
  if (names.length > 0)
    throw new CaissonError('invalid', `--tls-name is for the host’s own certificate; that in ${certificate} has its names\n${usage}`);
  return { given: { certificate, key }, names };
}

function acmeOptions(values: TlsValues): AcmeOptions | undefined {
  const { 'acme-directory': directory, 'acme-name': names = [], 'acme-contact': contacts = [], 'acme-ca': authoritiesFile } = values;
  if (directory === undefined) {
    if (names.length > 0 || contacts.length > 0 || authoritiesFile !== undefined)
      throw new CaissonError('invalid', `--acme-name, --acme-contact and --acme-ca belong to --acme-directory, which is missing\n${usage}`);
    return undefined;
  }
  if (URL.parse(directory)?.protocol !== 'https:')
    throw new CaissonError('invalid', `--acme-directory “${directory}” is no address that begins with https://\n${usage}`);
  if (names.length === 0)
    throw new CaissonError('invalid', `--acme-directory needs the names that the certificate is for: --acme-name NAME\n${usage}`);
  for (const name of names)
    if (!isDnsName(name) || !name.includes('.'))
      throw new CaissonError('invalid', `--acme-name “${name}” is no name that the world’s name service knows\n${usage}`);
  for (const contact of contacts)
    if (!/^[^\s@,?]+@[^\s@,?]+$/.test(contact))
      throw new CaissonError('invalid', `--acme-contact “${contact}” is no mail address\n${usage}`);
  return {
    directory,
    names: [...new Set(names.map((name) => name.toLowerCase()))],
    contacts: contacts.map((contact) => `mailto:${contact}`),
    ...(authoritiesFile === undefined ? {} : { authoritiesFile }),
  };
}

function number(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CaissonError('invalid', `${option} “${text}” is not a whole number\n${usage}`);
  return Number(text);
}
