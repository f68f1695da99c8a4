// `caisson complete SHELL -- WORDS…`, asked by the shell while somebody types: the first line says what is expected (`values`, `files`,
// `folders`), the others are values. Never an error, never slow: a daemon that does not answer soon has no names.
import type { Argument, Command, Option } from 'commander';
import type { Client } from '../api/client.ts';
import { guestActions, type GuestAction } from '../model/guest-actions.ts';
import { connected } from './connection.ts';
import { localContext, readContexts } from './contexts.ts';
import type { Io } from './io.ts';
import { nouns } from './nouns.ts';
import { createProgram } from './program.ts';
import { harmless } from '../lib/harmless.ts';

export interface Value {
  value: string;
  about?: string;
}

/** Names of the daemon's objects, and of contexts. */
type Named = 'guest' | 'zone' | 'image' | 'job' | 'end' | 'scope' | 'user' | 'token' | 'context';

export type Completion =
  | { kind: 'values'; values: Value[] }
  | { kind: 'files' }
  | { kind: 'folders' }
  /** Names of the daemon's objects. */
  | { kind: 'names'; of: Named; verb: string };

const answerWithinMs = 700;

export async function answerShell(io: Io, args: readonly string[]): Promise<number> {
  const [shell = '', dashes, ...typed] = args;
  if (dashes !== '--') return 2;
  const words = joinedAtEquals(typed);
  const first = words[0];
  const program = createProgram(io, words.length > 1 && nouns.some((noun) => noun.name === first) ? first : undefined);
  const completion = completeWords(program, words);
  if (completion.kind === 'files' || completion.kind === 'folders') {
    io.stdout.write(`${completion.kind}\n`);
    return 0;
  }
  const values = completion.kind === 'values' ? completion.values : await namesOf(io, words, completion);
  const current = words.at(-1) ?? '';
  // bash replaces only what follows the `=`.
  const flag = shell === 'bash' ? '' : (/^--[^=]+=/.exec(current)?.[0] ?? '');
  const prefix = current.replace(/^--[^=]+=/, '');
  const fitting = values.filter(({ value }) => value.startsWith(prefix) && harmless(value) === value);
  io.stdout.write(
    ['values', ...fitting.map((each) => renderFor(shell, { ...each, value: flag + each.value }))].map((line) => `${line}\n`).join(''),
  );
  return 0;
}

/** What may stand where the last of `words` stands. */
export function completeWords(program: Command, words: readonly string[]): Completion {
  const current = words.at(-1) ?? '';
  const { command, args, pending, onlyArguments } = readWords(program, words.slice(0, -1));
  const inline = /^(--[^=]+)=/.exec(current);
  const option = inline ? findOption(command, inline[1] ?? '') : pending;
  if (option && !onlyArguments) return completeOption(option);
  if (current.startsWith('-') && !onlyArguments) {
    return values(visibleOptions(command).map((each) => ({ value: each.long ?? each.short ?? '', about: each.description })));
  }
  if (command.commands.length > 0) return values(command.commands.map((each) => ({ value: each.name(), about: each.description() })));
  const argument = command.registeredArguments[args] ?? command.registeredArguments.findLast((each) => each.variadic);
  return argument ? completeArgument(argument, command) : values([]);
}

interface Read {
  command: Command;
  /** How many arguments there are before. */
  args: number;
  /** The option whose value comes next. */
  pending?: Option;
  /** After `--`. */
  onlyArguments: boolean;
}

function readWords(program: Command, words: readonly string[]): Read {
  const read: Read = { command: program, args: 0, onlyArguments: false };
  for (const word of words) {
    if (read.pending) delete read.pending;
    else if (read.onlyArguments || !word.startsWith('-')) {
      const verb = read.args === 0 ? read.command.commands.find((each) => each.name() === word) : undefined;
      if (verb) read.command = verb;
      else read.args += 1;
    } else if (word === '--') read.onlyArguments = true;
    else {
      const option = findOption(read.command, word);
      if (option?.required) read.pending = option;
    }
  }
  return read;
}

function findOption(command: Command, flag: string): Option | undefined {
  return command.options.find((option) => option.long === flag || option.short === flag);
}

function visibleOptions(command: Command): Option[] {
  return command.createHelp().visibleOptions(command);
}

function completeOption(option: Option): Completion {
  if (option.argChoices) return values(option.argChoices.map((value) => ({ value })));
  switch (option.long) {
    case '--data':
      return { kind: 'folders' };
    case '--context':
      return { kind: 'names', of: 'context', verb: '' };
    case '--user':
      return { kind: 'names', of: 'user', verb: '' };
    case '--nic':
    case '--remove-nic':
      return { kind: 'names', of: 'zone', verb: '' };
    case '--on':
      return { kind: 'names', of: 'scope', verb: '' };
    default:
      return option.flags.endsWith('<file>') ? { kind: 'files' } : values([]);
  }
}

function completeArgument(argument: Argument, command: Command): Completion {
  if (argument.argChoices) return values(argument.argChoices.map((value) => ({ value })));
  switch (argument.name()) {
    case 'file':
    case 'source':
      return { kind: 'files' };
    case 'guest':
    case 'zone':
    case 'image':
    case 'job':
    case 'user':
    case 'token':
    case 'context':
      return { kind: 'names', of: argument.name() as 'guest', verb: command.name() };
    case 'from':
    case 'to':
      return { kind: 'names', of: 'end', verb: command.name() };
    case 'port':
      return values(['tcp/22', 'tcp/80', 'tcp/443', 'udp/53', 'icmp'].map((value) => ({ value })));
    default:
      return values([]);
  }
}

function values(of: Value[]): Completion {
  return { kind: 'values', values: of };
}

async function namesOf(io: Io, words: readonly string[], { of, verb }: Completion & { kind: 'names' }): Promise<Value[]> {
  if (of === 'context') return namesOfContexts(io);
  const options = {
    ...optionValue(words, '--data', 'data'),
    ...optionValue(words, '--url', 'url'),
    ...optionValue(words, '--context', 'context'),
  };
  try {
    return await connected(io, options, ({ client }) => fetchNames(client, of, verb), { timeoutMs: answerWithinMs });
  } catch {
    return [];
  }
}

function namesOfContexts({ env }: Io): Value[] {
  try {
    const { contexts } = readContexts(env);
    return [
      { value: localContext, about: 'this machine' },
      ...Object.entries(contexts).map(([value, { url, user }]) => ({ value, about: `${user} at ${url}` })),
    ];
  } catch {
    return [];
  }
}

async function fetchNames(client: Client, of: Named, verb: string): Promise<Value[]> {
  switch (of) {
    case 'guest': {
      const { items } = await client.call('guestList');
      const isAction = guestActions.includes(verb as GuestAction);
      return items
        .filter((guest) => !isAction || guest.actions.includes(verb))
        .map(({ name, status }) => ({ value: name, about: status.power }));
    }
    case 'end': {
      const [guests, zones] = await Promise.all([fetchNames(client, 'guest', verb), fetchNames(client, 'zone', verb)]);
      return [...guests, ...zones.map((zone) => ({ ...zone, value: `zone:${zone.value}` })), { value: 'world' }, { value: 'host' }];
    }
    case 'scope': {
      const [guests, zones] = await Promise.all([fetchNames(client, 'guest', verb), fetchNames(client, 'zone', verb)]);
      const prefixed = (prefix: string, found: Value[]) => found.map((each) => ({ ...each, value: `${prefix}:${each.value}` }));
      return [{ value: 'site' }, ...prefixed('zone', zones), ...prefixed('guest', guests)];
    }
    case 'user':
      return (await client.call('userList')).items.map(({ name, fullName }) => ({ value: name, ...(fullName ? { about: fullName } : {}) }));
    case 'token':
      return (await client.call('tokenList')).items.map(({ name, owner }) => ({ value: name, ...(owner ? { about: owner } : {}) }));
    case 'context':
      return [];
    case 'zone':
      return (await client.call('zoneList')).items.map(({ name, subnets, masquerade, bridged }) => ({
        value: name,
        about: [...subnets, ...(masquerade ? ['masquerade'] : []), ...(bridged ? ['bridged'] : [])].join(' '),
      }));
    case 'image':
      return (await client.call('imageList')).items.map(({ name, present }) => ({
        value: name,
        about: present ? 'on this host' : 'not here',
      }));
    case 'job': {
      const query = { limit: 50, ...(verb === 'cancel' ? { state: 'running' as const } : {}) };
      return (await client.call('jobList', { query })).items.map(({ uid, title }) => ({ value: uid, about: title }));
    }
  }
}

function optionValue(words: readonly string[], flag: string, name: string): Record<string, string> {
  const at = words.findLastIndex((word, index) => word === flag && index < words.length - 2);
  const inline = words.slice(0, -1).findLast((word) => word.startsWith(`${flag}=`));
  const value = at === -1 ? inline?.slice(flag.length + 1) : words[at + 1];
  return value === undefined ? {} : { [name]: value };
}

/** bash takes `--output=json` apart into three words. */
function joinedAtEquals(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const [index, word] of words.entries()) {
    const last = joined.at(-1);
    if (word === '=' && last?.startsWith('--')) joined[joined.length - 1] = `${last}=`;
    else if (words[index - 1] === '=' && last?.endsWith('=')) joined[joined.length - 1] = `${last}${word}`;
    else joined.push(word);
  }
  return joined;
}

function renderFor(shell: string, { value, about = '' }: Value): string {
  const text = harmless(about).replaceAll(/\s+/g, ' ');
  switch (shell) {
    case 'zsh':
      return `${value.replaceAll(':', '\\:')}${text === '' ? '' : `:${text}`}`;
    case 'fish':
      return text === '' ? value : `${value}\t${text}`;
    default:
      return value;
  }
}
