// Running one command line: from words to an exit code.
import { CommanderError } from 'commander';
import { describeFailure, Ended, exitCodeOf, exitCodes } from './failure.ts';
import type { Io } from './io.ts';
import { nouns } from './nouns.ts';
import { createProgram } from './program.ts';

/** `argv` without program and script. Never throws. */
export async function runCli(argv: readonly string[], io: Io): Promise<number> {
  try {
    const first = argv[0];
    if (first === 'complete') {
      // Asked by the shell at every press of the key: nothing else needs to be made.
      const { answerShell } = await import('./complete.ts');
      return await answerShell(io, argv.slice(1));
    }
    const program = createProgram(io, needsOne(first) ? first : undefined);
    if (first === undefined) {
      program.outputHelp();
      return exitCodes.done;
    }
    await program.parseAsync(argv, { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof Ended) return error.exitCode;
    // Its words are out.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.wrongInput;
    io.stderr.write(describeFailure(error));
    return exitCodeOf(error);
  }
}

/** Help, and the search for what was probably meant, need all first words; a noun needs itself, and the version none. */
function needsOne(first: string | undefined): boolean {
  return first === '--version' || first === '-V' || nouns.some((noun) => noun.name === first);
}
