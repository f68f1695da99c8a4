// `caisson` and `caisson --help`: everything there is on one screen.
import type { Command } from 'commander';
import { version } from '../model/version.ts';
import { nouns } from './nouns.ts';

const examples: readonly (readonly [string, string])[] = [
  ['caisson doctor', 'can this machine run guests?'],
  ['caisson apply site.yaml --dry-run', 'what would change'],
  ['caisson apply site.yaml', 'make it so'],
  ['caisson guest list --watch', 'every guest, at a glance'],
  ['caisson guest console web', 'leave with Ctrl-] and then q'],
  ['caisson zone check', 'prove that the filtering holds'],
  ['caisson guest list -o json', 'for programs: { "items": […] }'],
];

export function renderOverview(program: Command): string {
  const first = nouns.filter((noun) => noun.group === 'first');
  const lines = [
    `Caisson ${version}: ${program.description().replace(/^E/, 'e')}`,
    '',
    'Usage: caisson NOUN VERB [options]',
    '',
    ...table(first.map(({ name, description }) => [`  ${usageOf(program, name)}`, description])),
    '',
    ...table(
      nouns
        .filter((noun) => noun.group === 'noun')
        .map(({ name, description }) => [`  ${name}`, `${description}: ${verbsOf(program, name)}`]),
    ),
    '',
    ...table([
      ...nouns
        .filter((noun) => noun.group === 'tool')
        .map(({ name, description }) => [`  ${usageOf(program, name)}`, description] as const),
      ['  NOUN [VERB] --help', 'what it does and takes'],
      ['  --version', 'the version of this program'],
    ]),
    '',
    'Examples:',
    ...table(examples.map(([command, what]) => [`  ${command}`, what])),
    '',
    'The daemon is found by --data DIR, --url URL or --context NAME, else by CAISSON_DATA, CAISSON_URL or CAISSON_CONTEXT,',
    'else it is the context used last, else that of /var/lib/caisson.',
    'Exit codes: 0 it is done and true; 1 it failed; 2 the command or its input was wrong; 130 Ctrl-C.',
    'The exit code of doctor: 0 all is well; 1 there are warnings; 2 this machine cannot run guests.',
  ];
  return `${lines.join('\n')}\n`;
}

function usageOf(program: Command, name: string): string {
  const command = program.commands.find((each) => each.name() === name);
  const args = command?.registeredArguments.map((argument) => argument.name().toUpperCase()).join(' ') ?? '';
  return args === '' ? name : `${name} ${args}`;
}

function verbsOf(program: Command, name: string): string {
  return (program.commands.find((each) => each.name() === name)?.commands ?? []).map((verb) => verb.name()).join(', ');
}

function table(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`);
}
