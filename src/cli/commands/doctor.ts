// `caisson doctor`: works without a daemon.
import type { Command } from 'commander';
import type { CheckResult, Verdict } from '../../local/doctor/check.ts';
import type { WishedNetwork } from '../../local/doctor/check-uplinks.ts';
import { type OutputOptions, withFormat } from '../command.ts';
import { connected, dataDirectoryOf } from '../connection.ts';
import { Ended } from '../failure.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { harmless } from '../../lib/harmless.ts';
import { painter, type Style } from '../style.ts';
import { wrapText } from '../wrap-text.ts';

const cacheDirectory = '/var/cache/caisson';

const words: Record<Verdict, string> = { ok: 'ok', warning: 'warning', bad: 'BAD' };
const styles: Partial<Record<Verdict, Style>> = { warning: 'amber', bad: 'red' };

const notes = `
It changes nothing. Of the site it knows what the daemon says, or else the store of the data directory. As root it tries more: some checks need a network namespace of their own.
Exit codes: 0 all is well; 1 there are warnings: guests run, but worse or less safely; 2 this machine cannot run guests.`;

export function addDoctor(doctor: Command, io: Io): void {
  withFormat(doctor)
    .option('--data <dir>', 'data directory whose disk and site are looked at (CAISSON_DATA; default /var/lib/caisson)')
    .option('--netns <name>', 'network namespace of the guests, where no daemon runs that knows it')
    .addHelpText('after', notes)
    .action((options: DoctorOptions) => examine(io, options));
}

interface DoctorOptions extends OutputOptions {
  data?: string;
  netns?: string;
}

/** As the daemon says; without one as its store does. Undefined where neither can be asked. */
async function wishedNetwork(io: Io, options: DoctorOptions): Promise<WishedNetwork | undefined> {
  const dataDirectory = dataDirectoryOf(options, io.env);
  try {
    const [{ site }, { network }] = await connected(
      io,
      { data: dataDirectory },
      ({ client }) => Promise.all([client.call('siteShow'), client.call('hostShow')]),
      { timeoutMs: 5000 },
    );
    return { zones: site.zones, ...(network.namespace !== undefined && { netns: network.namespace }) };
  } catch {
    const { readZones } = await import('../../local/verify/records.ts');
    const zones = await readZones(dataDirectory).catch(() => undefined);
    return zones && { zones, ...(options.netns !== undefined && { netns: options.netns }) };
  }
}

async function examine(io: Io, options: DoctorOptions): Promise<void> {
  const [{ doctorExitCode, runDoctor }, { probedHost }] = await Promise.all([
    import('../../local/doctor.ts'),
    import('../../local/doctor/probed-host.ts'),
  ]);
  const results: CheckResult[] = [];
  const wished = () => wishedNetwork(io, options);
  for await (const result of runDoctor({ dataDirectory: dataDirectoryOf(options, io.env), cacheDirectory, wished, host: probedHost() })) {
    results.push(result);
    if (options.output === 'table') io.stdout.write(renderResult(io, result));
  }
  const exitCode = doctorExitCode(results);
  if (options.output === 'table') io.stdout.write(`\n${summary(results)}\n`);
  else io.stdout.write(await renderValue({ items: results, exitCode }, options.output));
  if (exitCode !== 0) throw new Ended(exitCode);
}

function renderResult({ stdout, env }: Io, { name, verdict, found, explanation, mend }: CheckResult): string {
  const paint = painter(stdout, env);
  const more = [explanation, mend === undefined ? undefined : `→ ${mend}`].filter((text) => text !== undefined);
  const head = `${paint(words[verdict].padEnd(7), styles[verdict])}  ${name.padEnd(10)}  ${harmless(found)}\n`;
  const width = Math.max(40, Math.min(stdout.columns ?? 120, 120) - 21);
  return (
    head +
    more
      .flatMap((text) => wrapText(harmless(text), width))
      .map((line) => `${' '.repeat(21)}${line}\n`)
      .join('')
  );
}

function summary(results: readonly CheckResult[]): string {
  const count = (verdict: Verdict) => results.filter((result) => result.verdict === verdict).length;
  const warnings = count('warning') === 1 ? 'one warning' : `${count('warning')} warnings`;
  if (count('bad') > 0) return `this machine cannot run guests: ${count('bad')} bad, ${warnings}`;
  return count('warning') > 0 ? `this machine can run guests: ${warnings}` : 'this machine can run guests: all is well';
}
