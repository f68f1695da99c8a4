// `caisson daemon`. Run by root, the launcher starts the root helper instead of this program; what comes here is help, the simulation,
// and the word to somebody who is not root.
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';

export function addDaemonCommand(program: Command): void {
  program
    .command('daemon')
    .description('run this host’s daemon (as root)')
    .option('--data <dir>', 'data directory', '/var/lib/caisson')
    .option('--netns <name>', 'network namespace of the guests: used when it exists, else made and removed again')
    .option('--listen <address...>', 'loopback address and port to listen on beside the unix socket, for example 127.0.0.1:8420')
    .action(() => {
      throw new CaissonError(
        'not-allowed',
        'caisson daemon must be run by root: it gives its rights away at once, but needs them to make taps, rules and users’ processes',
      );
    });
}
