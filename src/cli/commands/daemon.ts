// `caisson daemon`. Run by root, the launcher starts the root helper instead of this program, and with `--simulate` the daemon itself;
// what comes here is help, and a word to somebody who is not root.
import { type Command, Option } from 'commander';
import { CaissonError } from '../../lib/errors.ts';

const simulation = 'A simulation, which needs neither root nor anything installed:';

const notes = `
It serves the API on the socket run/api.sock of its data directory, for root and the group caisson. SIGTERM or Ctrl-C ends it;
guests run on, and the next daemon takes them over. “caisson host shutdown” stops the guests in order.`;

export function addDaemon(daemon: Command): void {
  daemon
    .option('--data <dir>', 'data directory', '/var/lib/caisson')
    .option('--netns <name>', 'network namespace of the guests: used when it exists, else made and removed again')
    .option(
      '--listen <address...>',
      'address and port to listen on too: HTTP on this machine (127.0.0.1:8420), HTTPS for others (0.0.0.0:8420, [::]:8420)',
    )
    .option('--tls-cert <file>', 'certificate for HTTPS in place of the host’s own, in PEM, with those between it and its authority')
    .option('--tls-key <file>', 'its key; both are read again when they change')
    .option('--tls-name <name...>', 'name or address that the host’s own certificate is for, besides those that it knows')
    .option(
      '--acme-directory <url>',
      'get a certificate of an authority of the world by ACME, whose terms that agrees to; beside the host’s own',
    )
    .option('--acme-name <name...>', 'names in DNS that it is for')
    .option(
      '--acme-listen <address...>',
      'where the authority looks for proofs over HTTP: port 80 of the host, 0.0.0.0:80 or [::]:80; without it they are shown by TLS, on --listen',
    )
    .option('--acme-contact <mail...>', 'whom the authority may write to')
    .option('--acme-ca <file>', 'whom to trust for the directory in place of the machine’s authorities, in PEM')
    .option('--teardown', 'remove what an ended daemon left of a data directory outside of it, and end; refused while guests run')
    .addOption(new Option('--simulate', 'fake guests that boot in a moment').helpGroup(simulation))
    .addOption(new Option('--boot-ms <number>', 'how long they take to boot').helpGroup(simulation))
    .addOption(new Option('--seed <number>', 'of what is random').helpGroup(simulation))
    .addOption(new Option('--verbose', 'log everything').helpGroup(simulation))
    .addHelpText('after', notes)
    .action(({ simulate }: { simulate?: boolean }) => {
      if (simulate) throw new CaissonError('unsupported', 'a simulation is started by bin/caisson: caisson daemon --simulate');
      throw new CaissonError(
        'not-allowed',
        'the daemon is started by root: it gives its rights away at once, but needs them to make taps, rules and users’ processes\n' +
          '  to look around without root: caisson daemon --simulate --data DIR',
      );
    });
}
