// The daemon's own arguments. Real ones come from the root helper; `--simulate` is for people.
import { parseArgs } from 'node:util';
import { CaissonError } from '../lib/errors.ts';
import { type ListenAddress, parseListenAddress } from './http/listen-address.ts';

export type DaemonCommand =
  | { kind: 'host'; verbose: boolean }
  | { kind: 'simulate'; verbose: boolean; dataDirectory: string | undefined; listen: ListenAddress[]; seed: number; bootMs: number };

export const usage =
  'usage: daemon --simulate [--data DIR] [--listen ADDRESS:PORT]… [--seed N] [--boot-ms N] [--verbose]\n' +
  '       (without --simulate it is started by the root helper: `caisson daemon`, as root)';

/** Throws `invalid` with the usage, or as parseListenAddress does. */
export function parseDaemonCommand(args: readonly string[]): DaemonCommand {
  const { values } = parse(args);
  const verbose = values.verbose ?? false;
  // The helper says where the data are by its channel; `--data` is there to tell the processes of several daemons apart.
  if (!values.simulate) return { kind: 'host', verbose };
  return {
    kind: 'simulate',
    verbose,
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
        seed: { type: 'string' },
        'boot-ms': { type: 'string' },
        verbose: { type: 'boolean' },
      },
    });
  } catch (cause) {
    throw new CaissonError('invalid', `${(cause as Error).message}\n${usage}`);
  }
}

function number(option: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new CaissonError('invalid', `${option} “${text}” is not a whole number\n${usage}`);
  return Number(text);
}
