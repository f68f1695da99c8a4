// The help of every command, so that a change of words or options is read by somebody.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandsOf, createProgram, fullName } from '../../src/cli/program.ts';
import { assertGolden } from '../network/golden.ts';
import { Terminal } from './terminal.ts';

const program = createProgram(new Terminal());

test('every command explains itself', () => {
  const pages = [program, ...program.commands.filter((noun) => noun.commands.length > 0), ...commandsOf(program)].map((command) => {
    let text = '';
    command.configureOutput({ writeOut: (part) => (text += part) });
    command.outputHelp();
    return `$ ${fullName(command)} --help\n${text.trimEnd()}\n`;
  });
  assertGolden('cli-help.txt', pages.join('\n'));
});

test('every command, argument and option has a word of explanation', () => {
  for (const command of commandsOf(program)) {
    assert.notEqual(command.description(), '', fullName(command));
    for (const option of command.options) assert.notEqual(option.description, '', `${fullName(command)} ${option.flags}`);
  }
});
