// The command line: `caisson NOUN VERB`. Exit codes: 0 when it is true, 2 when the input was wrong, 1 for everything else.
import { Command, CommanderError } from 'commander';
import { CaissonError, describeError, type ErrorCode } from '../lib/errors.ts';
import { version } from '../model/version.ts';
import { addDaemonCommand } from './commands/daemon.ts';
import { addEventCommands } from './commands/event.ts';
import { addGuestCommands } from './commands/guest.ts';
import { addHostCommands } from './commands/host.ts';
import { addImageCommands } from './commands/image.ts';
import { addJobCommands } from './commands/job.ts';
import { addSiteCommands } from './commands/site.ts';
import { addZoneCommands } from './commands/zone.ts';

const usageCodes: readonly ErrorCode[] = ['invalid', 'unsupported'];

export function createProgram(): Command {
  const program = new Command('caisson')
    .description('every important service in its own watertight virtual machine')
    .version(version)
    .showHelpAfterError('(--help shows what there is)')
    .exitOverride();
  addSiteCommands(program);
  addGuestCommands(program);
  addZoneCommands(program);
  addImageCommands(program);
  addJobCommands(program);
  addEventCommands(program);
  addHostCommands(program);
  addDaemonCommand(program);
  return program;
}

/** Runs a command line (without program and script). Returns the exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`caisson: ${describeError(error)}\n`);
    return error instanceof CaissonError && usageCodes.includes(error.code) ? 2 : 1;
  }
}

// A reader that has seen enough (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
process.exitCode = await runCli(process.argv.slice(2));
