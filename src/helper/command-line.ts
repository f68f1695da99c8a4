// The helper's command line. Pure.
import { isIP } from 'node:net';
import { CaissonError } from '../lib/errors.ts';

export interface HelperOptions {
  dataDirectory: string;
  netns?: string;
  listen: { host: string; port: number; acme?: true }[];
  /** JavaScript files; absent: as given by the caller beside the helper's own. */
  daemon?: string;
  imageBuilder?: string;
  user: string;
  /** For the daemon's runtime. */
  nodeOptions: string[];
  teardown: boolean;
  /** Given to the daemon as they are. */
  daemonArgs: string[];
}

export const usage =
  'usage: helper [--data DIR] [--netns NAME] [--listen HOST:PORT]… [--tls-cert FILE --tls-key FILE] [--tls-name NAME]… [--acme-directory URL --acme-name NAME… [--acme-listen HOST:PORT]… [--acme-contact MAIL]… [--acme-ca FILE]] [--daemon FILE.js] [--image-builder FILE.js] [--user NAME] [--node-option OPTION]… [--teardown] [-- ARGUMENT…]';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,30}$/;

/** Throws `invalid` with the usage. */
export function parseHelperOptions(args: readonly string[]): HelperOptions {
  const options: HelperOptions = {
    dataDirectory: '/var/lib/caisson',
    listen: [],
    user: 'caisson',
    nodeOptions: [],
    teardown: false,
    daemonArgs: [],
  };
  const end = args.indexOf('--');
  if (end !== -1) options.daemonArgs = args.slice(end + 1);
  const own = end === -1 ? [...args] : args.slice(0, end);
  while (own.length > 0) {
    const [name, inline] = splitOption(own.shift() ?? '');
    if (name === '--teardown' && inline === undefined) {
      options.teardown = true;
      continue;
    }
    const value = inline ?? own.shift();
    if (value === undefined) throw wrong(`${name} needs a value`);
    switch (name) {
      case '--data':
        options.dataDirectory = value;
        break;
      case '--netns':
        if (!namePattern.test(value)) throw wrong(`--netns ${JSON.stringify(value)} is not the name of a network namespace`);
        options.netns = value;
        break;
      case '--listen':
        options.listen.push(parseListen(value));
        break;
      case '--acme-listen':
        options.listen.push({ ...parseListen(value, '--acme-listen'), acme: true });
        break;
      case '--daemon':
        options.daemon = value;
        break;
      case '--image-builder':
        options.imageBuilder = value;
        break;
      case '--user':
        if (!namePattern.test(value)) throw wrong(`--user ${JSON.stringify(value)} is not a user name`);
        options.user = value;
        break;
      case '--tls-cert':
      case '--tls-key':
      case '--tls-name':
      case '--acme-directory':
      case '--acme-name':
      case '--acme-contact':
      case '--acme-ca':
        options.daemonArgs.push(name, value);
        break;
      case '--node-option':
        options.nodeOptions.push(value);
        break;
      default:
        throw wrong(`unknown option ${JSON.stringify(name)}`);
    }
  }
  return options;
}

function splitOption(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return text.startsWith('--') && at !== -1 ? [text.slice(0, at), text.slice(at + 1)] : [text, undefined];
}

function parseListen(value: string, option = '--listen'): { host: string; port: number } {
  const at = value.lastIndexOf(':');
  const host = value.slice(0, Math.max(at, 0)).replace(/^\[(.*)\]$/, '$1');
  const port = Number(value.slice(at + 1));
  if (isIP(host) === 0 || !/^\d{1,5}$/.test(value.slice(at + 1)) || port > 65_535) {
    throw wrong(`${option} ${JSON.stringify(value)} is not an address and a port, as in 127.0.0.1:8440 or [::1]:8440`);
  }
  return { host, port };
}

function wrong(message: string): CaissonError {
  return new CaissonError('invalid', `${message}\n${usage}`);
}
