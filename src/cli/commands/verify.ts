// `caisson verify`: works without a daemon, and with one.
import type { Command } from 'commander';
import type { Finding, Verdict } from '../../local/verify/finding.ts';
import { harmlessLine } from '../../lib/harmless.ts';
import { type OutputOptions, withFormat } from '../command.ts';
import { dataDirectoryOf } from '../connection.ts';
import { Ended } from '../failure.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { painter, type Style } from '../style.ts';

const words: Record<Verdict, string> = { note: 'note', warning: 'warning', bad: 'BAD' };
const styles: Partial<Record<Verdict, Style>> = { warning: 'amber', bad: 'red' };

const notes = `
It looks, as root, for guests that run twice or that nobody knows, disks with two writers, what was acknowledged and is lost, processes, taps,
control groups, sockets and files without an owner, and user ids that are not the guests’ own. It changes nothing.
Exit codes: 0 everything is somebody’s; 1 something is left over; 2 a guest, or what was acknowledged, is in danger.`;

export function addVerify(verify: Command, io: Io): void {
  withFormat(verify)
    .option('--data <dir>', 'data directory (CAISSON_DATA; default /var/lib/caisson)')
    .addHelpText('after', notes)
    .action((options: OutputOptions & { data?: string }) => examine(io, options));
}

async function examine(io: Io, options: OutputOptions & { data?: string }): Promise<void> {
  const { verify, verifyExitCode } = await import('../../local/verify.ts');
  const findings = await verify(dataDirectoryOf(options, io.env));
  const exitCode = verifyExitCode(findings);
  if (options.output === 'table') io.stdout.write(render(io, findings));
  else io.stdout.write(await renderValue({ items: findings, exitCode }, options.output));
  if (exitCode !== 0) throw new Ended(exitCode);
}

function render({ stdout, env }: Io, findings: readonly Finding[]): string {
  const paint = painter(stdout, env);
  const lines = findings.map(
    ({ verdict, found, mend }) => `${paint(words[verdict].padEnd(7), styles[verdict])}  ${harmlessLine(found)} → ${harmlessLine(mend)}\n`,
  );
  const count = findings.filter(({ verdict }) => verdict !== 'note').length;
  const summary = count === 0 ? 'everything is somebody’s, once, and as the store says' : count === 1 ? 'one finding' : `${count} findings`;
  return `${lines.join('')}${summary}\n`;
}
