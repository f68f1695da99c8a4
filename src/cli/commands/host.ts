// `caisson host …`
import type { Command } from 'commander';
import { type CommonOptions, connected, runJobForResult, withJob, withOutput } from '../command.ts';
import { printFields, printValue } from '../output.ts';

export function addHostCommands(program: Command): void {
  const host = program.command('host').description('this host');

  withOutput(host.command('show'))
    .description('what it can carry and what it has promised')
    .action((options: CommonOptions) =>
      connected(options, async ({ client }) => {
        const view = await client.call('hostShow');
        if (options.output !== 'table') return printValue(view, options.output);
        const { memory, guests, network } = view;
        const mib = (value: number) => `${value.toLocaleString('en')} MiB`;
        printFields([
          ['name', view.name],
          ['version', view.version],
          ['QEMU', `${view.qemuVersion}, ${view.accelerator === 'kvm' ? 'KVM' : 'emulation (TCG)'}`],
          ['processors', String(view.cpus)],
          [
            'memory',
            `${mib(memory.freeMib)} free of ${mib(memory.totalMib)} (${mib(memory.promisedMib)} promised, ${mib(memory.reserveMib)} reserve)`,
          ],
          ['guests', `${guests.defined} defined, ${guests.running} running, ${guests.ready} ready`],
          [
            'network',
            `${network.namespace ? `namespace ${network.namespace}, ` : ''}${network.rulesInForce ? 'rules in force' : `RULES NOT IN FORCE: ${network.problem}`}`,
          ],
          ['data', view.dataDirectory],
          ['daemon since', view.startedAt],
        ]);
      }),
    );

  withJob(host.command('shutdown'))
    .description('shut down every guest in order; they start again with the host')
    .option('--timeout <seconds>', 'how long each may take before its power is cut', (text) => Math.round(Number(text) * 1000))
    .action(async (options: CommonOptions & { timeout?: number }) => {
      const job = await runJobForResult(options, ({ client }) =>
        client.call('hostShutdown', { body: options.timeout === undefined ? {} : { timeoutMs: options.timeout } }),
      );
      const { guests = [] } = (job.result ?? {}) as { guests?: { name: string; way: string }[] };
      if (options.output === 'table') for (const guest of guests) process.stdout.write(`${guest.name}: ${guest.way}\n`);
    });
}
