// The command line as a tree of commands: parsed by a run, walked by completion and by the generated reference.
import { Command, Help, type Option } from 'commander';
import { daemonGroup } from './command.ts';
import { version } from '../model/version.ts';
import type { Io } from './io.ts';
import { nouns } from './nouns.ts';
import { renderOverview } from './overview.ts';
import { harmless } from '../lib/harmless.ts';

/** With `only`, the other first words have a name and a description, and nothing below. */
export function createProgram(io: Io, only?: string): Command {
  const program = new Command('caisson')
    .description('Every important service in its own watertight virtual machine.')
    .usage('NOUN VERB [options]')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'what a command does and takes')
    .showHelpAfterError('  --help tells what there is')
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(harmless(inOurWords(text))),
      getOutHelpWidth: () => helpWidth(io.stdout.columns),
      getErrHelpWidth: () => helpWidth(io.stderr.columns),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ groupItems: daemonLast })
    .addHelpText('afterAll', ({ command }) => (hasUsualExitCodes(command) ? exitCodeHelp : ''))
    .exitOverride();
  program.helpInformation = () => renderOverview(program);
  for (const noun of nouns) {
    const command = program.command(noun.name).description(noun.description).helpCommand(false);
    if (only === undefined || only === noun.name) noun.add(command, io);
  }
  return program;
}

export const exitCodeHelp = '\nExit codes: 0 done and true; 1 failed; 2 wrong command or input, nothing was changed.';

/** They tell theirs themselves. */
const ownExitCodes = ['doctor', 'audit', 'verify'];

function hasUsualExitCodes(command: Command): boolean {
  return command.parent !== null && command.commands.length === 0 && !ownExitCodes.includes(command.name());
}

/** The leaves: what can be run. */
export function commandsOf(command: Command): Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap((each) => commandsOf(each));
}

/** `caisson guest list`. */
export function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

/** What a command does comes before how it finds the daemon. */
function daemonLast<T extends Command | Option>(all: T[], visible: T[], groupOf: (item: T) => string): Map<string, T[]> {
  const groups = new Help().groupItems(all, visible, groupOf);
  const options = groups.get(daemonGroup);
  if (options) {
    groups.delete(daemonGroup);
    groups.set(daemonGroup, options);
  }
  return groups;
}

function helpWidth(columns: number | undefined): number {
  return Math.min(columns ?? 100, 100);
}

function inOurWords(text: string): string {
  return text
    .replace(/^error: /, 'caisson: ')
    .replace(/\n\(Did you mean (.*)\?\)/s, '; did you mean $1?')
    .replaceAll(/'([^'\n]*)'/g, '“$1”');
}
