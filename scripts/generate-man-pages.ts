// Generates the manual pages, man/caisson.1 and one for each first word, from the commands themselves, in the language of man(7).
import type { Argument, Command, Option } from 'commander';
import { daemonGroup } from '../src/cli/command.ts';
import { processIo } from '../src/cli/io.ts';
import { nouns } from '../src/cli/nouns.ts';
import { commandsOf, createProgram, fullName } from '../src/cli/program.ts';
import { helpAfter } from './help-after.ts';
import { wrapText } from '../src/cli/wrap-text.ts';
import { version } from '../src/model/version.ts';

/** Of this version: a page is the same whenever it is made. */
const date = '2026-11-29';

export function generate(): Promise<Record<string, string>> {
  const program = createProgram(processIo());
  return Promise.resolve(
    Object.fromEntries([
      ['man/caisson.1', renderMain(program)],
      ...program.commands.map((noun): [string, string] => [`man/caisson-${noun.name()}.1`, renderNoun(noun)]),
    ]),
  );
}

function renderMain(program: Command): string {
  const group = (name: string) =>
    nouns.filter((noun) => noun.group === name).map((noun) => definition(bold(`caisson-${noun.name}`), '(1)', noun.description));
  return page('CAISSON', [
    ...section('NAME', [`caisson \\- ${text(lowered(program.description()).replace(/\.$/, ''))}`]),
    ...section('SYNOPSIS', [`${bold('caisson')} ${italic('NOUN')} ${italic('VERB')} [${italic('options')}]`]),
    ...section('DESCRIPTION', [
      ...paragraph(
        'Caisson turns a machine room’s servers into guests: watertight virtual machines on one host, kept separated, started in order, and proved to answer. One YAML file says what should be; caisson apply makes it so.',
      ),
      ...paragraph('What takes time is a job. A command shows its steps and waits for its end; Ctrl-C ends the waiting, never the job.'),
    ]),
    ...section('COMMANDS', [...group('first'), ...group('noun'), ...group('tool')].flat()),
    ...section('FINDING THE DAEMON', commonOptions(program).flatMap(optionLines)),
    ...section('OUTPUT', [
      ...paragraph(
        'What was asked for goes to standard output, everything else to standard error. -o json and -o yaml print what the API answers; a list is { "items": [...] }. NO_COLOR turns colours off.',
      ),
    ]),
    ...section('ENVIRONMENT', [
      ...definition(bold('CAISSON_DATA'), '', 'data directory whose daemon is asked'),
      ...definition(bold('CAISSON_URL'), '', 'its address'),
      ...definition(bold('CAISSON_CONTEXT'), '', 'a site that was signed in to'),
      ...definition(bold('CAISSON_TOKEN'), '', 'API token for an address'),
      ...definition(bold('CAISSON_CA'), '', 'file with the authority of its certificate'),
      ...definition(bold('BROWSER'), '', 'the browser that caisson ui opens'),
    ]),
    ...section('FILES', [
      ...definition(italic('/var/lib/caisson'), '', 'the usual data directory'),
      ...definition(italic('/var/cache/caisson'), '', 'images and packages, made again when they are missing'),
    ]),
    ...exitStatus(),
    ...section('SEE ALSO', seeAlso(nouns.map(({ name }) => name))),
  ]);
}

function renderNoun(noun: Command): string {
  const name = `caisson-${noun.name()}`;
  const leaves = commandsOf(noun);
  const own = leaves.length === 1 && leaves[0] === noun;
  return page(name.toUpperCase(), [
    ...section('NAME', wrap(`${escaped(name)} \\- ${text(noun.description())}`)),
    ...section(
      'SYNOPSIS',
      leaves.flatMap((leaf, index) => [...(index > 0 ? ['.br'] : []), synopsis(leaf)]),
    ),
    ...(own
      ? [...section('DESCRIPTION', [...paragraph(`${raised(noun.description())}.`), ...more(noun)]), ...section('OPTIONS', optionsOf(noun))]
      : section(
          'COMMANDS',
          leaves.flatMap((leaf) => [
            `.SS ${escaped(fullName(leaf))}`,
            ...wrap(text(`${raised(leaf.description())}.`)),
            ...optionsOf(leaf),
            ...more(leaf),
          ]),
        )),
    ...exitStatus(leaves.some((leaf) => ['doctor', 'audit', 'verify'].includes(leaf.name()))),
    ...section('SEE ALSO', [
      `${bold('caisson')}(1)`,
      '.PP',
      'How the daemon is found, and what all commands have in common, stands there.',
    ]),
  ]);
}

/** The options that find the daemon: the same for all, told on one page. */
function commonOptions(program: Command): Option[] {
  const options = commandsOf(program).flatMap((command) => command.options.filter(isCommon));
  return options.filter((option, at) => options.findIndex((each) => each.flags === option.flags) === at);
}

function isCommon(option: Option): boolean {
  return option.helpGroupHeading === daemonGroup;
}

function synopsis(command: Command): string {
  const args = command.registeredArguments.map((argument) => ` ${italic(argument.name().toUpperCase())}`).join('');
  return `${bold(fullName(command))}${args}${command.options.length > 0 ? ` [${italic('options')}]` : ''}`;
}

function optionsOf(command: Command): string[] {
  return [
    ...command.registeredArguments.flatMap(argumentLines),
    ...command.options.filter((option) => !isCommon(option)).flatMap(optionLines),
  ];
}

function argumentLines(argument: Argument): string[] {
  const choices = argument.argChoices ? ` (${argument.argChoices.join(', ')})` : '';
  return definition(italic(argument.name().toUpperCase()), '', `${argument.description}${choices}`);
}

function optionLines(option: Option): string[] {
  const choices = option.argChoices ? ` (${option.argChoices.join(', ')})` : '';
  const usual = option.defaultValue === undefined || typeof option.defaultValue === 'boolean' ? '' : defaultText(option.defaultValue);
  return definition(bold(option.flags), '', `${option.description}${choices}${usual}`);
}

function defaultText(value: unknown): string {
  const shown = typeof value === 'object' ? '' : String(value);
  return shown === '' ? '' : `; default ${shown}`;
}

function more(command: Command): string[] {
  const after = helpAfter(command);
  return after === '' ? [] : ['.PP', '.nf', ...after.split('\n').map((line) => (line === '' ? '\\&' : text(line))), '.fi'];
}

function exitStatus(own = false): string[] {
  if (own) return [];
  return section('EXIT STATUS', [
    ...definition('0', '', 'it is done and true'),
    ...definition('1', '', 'it failed'),
    ...definition('2', '', 'the command or its input was wrong; nothing was changed'),
    ...definition('130', '', 'Ctrl-C while waiting: the job goes on'),
  ]);
}

function seeAlso(names: readonly string[]): string[] {
  return names.map((name, at) => `${bold(`caisson-${name}`)}(1)${at < names.length - 1 ? ',' : ''}`);
}

function page(title: string, lines: readonly string[]): string {
  const head = '.\\" Generated by scripts/generate-man-pages.ts: do not edit.';
  return `${[head, `.TH ${title} 1 ${date} "Caisson ${version}" "Caisson"`, ...lines].join('\n')}\n`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${title.includes(' ') ? `"${title}"` : title}`, ...withoutFirstBreak(lines)];
}

/** A section begins with a distance of its own. */
function withoutFirstBreak(lines: readonly string[]): readonly string[] {
  return lines[0] === '.PP' ? lines.slice(1) : lines;
}

function paragraph(words: string): string[] {
  return ['.PP', ...wrap(text(words))];
}

function definition(name: string, after: string, words: string): string[] {
  return ['.TP', `${name}${after}`, ...wrap(text(words))];
}

function bold(words: string): string {
  return `\\fB${escaped(words)}\\fR`;
}

function italic(words: string): string {
  return `\\fI${escaped(words)}\\fR`;
}

/** As long as lines of a manual page are by custom. */
function wrap(words: string): string[] {
  return wrapText(words, 78).map(safeStart);
}

function text(words: string): string {
  return safeStart(escaped(words));
}

/** No line of text is taken for a request. */
function safeStart(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}

/** For every reader of man(7): ASCII, and minus signs that can be copied. */
function escaped(words: string): string {
  return words
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/[^\u0020-\u007e]/g, (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`);
}

function raised(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

function lowered(words: string): string {
  return `${words.charAt(0).toLowerCase()}${words.slice(1)}`;
}
