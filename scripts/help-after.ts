// What help of a command says after its options: taken out of what it prints.
import type { Command } from 'commander';
import { exitCodeHelp } from '../src/cli/program.ts';

export function helpAfter(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text.replace(command.helpInformation(), '').replace(exitCodeHelp, '').trim();
}
