// The program `caisson`.
import { processIo } from './io.ts';
import { runCli } from './run-cli.ts';

// A reader that has seen enough (`| head`) is no error.
for (const output of [process.stdout, process.stderr]) {
  output.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}
process.exitCode = await runCli(process.argv.slice(2), processIo());
