// `caisson host …`
import type { Command } from 'commander';
import type { Host } from '../../model/host.ts';
import { duration, type JobOptions, runJob, showDetail, type ViewOptions, withJob, withWatch } from '../command.ts';
import type { Io } from '../io.ts';
import { harmless } from '../../lib/harmless.ts';
import type { Field } from '../table.ts';
import { localTime } from '../times.ts';

export function addHost(host: Command, io: Io): void {
  withWatch(host.command('show'))
    .description('what it can carry and what it has promised')
    .action((options: ViewOptions) => showDetail(io, options, { fields, fetch: (client) => client.call('hostShow') }));

  withJob(host.command('shutdown'))
    .description('shut down every guest in order; they start again with the host')
    .option('--within <duration>', 'how long all of them may take together, for example 120s: each level gets its share', duration)
    .option(
      '--timeout <duration>',
      'how long each may take before its power is cut, for example 90s or 5min; default: as its site file says',
      duration,
    )
    .action(async (options: JobOptions & { timeout?: number; within?: number }) => {
      const body = {
        ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
        ...(options.within === undefined ? {} : { withinMs: options.within }),
      };
      const job = await runJob(io, options, (client) => client.call('hostShutdown', { body }));
      const { guests = [] } = (job.result ?? {}) as { guests?: { name: string; way: string }[] };
      if (options.output === 'table') for (const guest of guests) io.stdout.write(harmless(`${guest.name}: ${guest.way}`).concat('\n'));
    });
}

const refusing = { all: 'drops what it does not know', some: 'refuses some', nothing: 'refuses nothing' };

function fields({ memory, guests, network, ...host }: Host): Field[] {
  const mib = (value: number) => `${value.toLocaleString('en')} MiB`;
  const place = network.namespace ? `namespace ${network.namespace}, ` : '';
  return [
    ['name', host.name],
    ['version', host.version],
    ['QEMU', `${host.qemuVersion}, ${host.accelerator === 'kvm' ? 'KVM' : 'emulation (TCG)'}`],
    ['processors', String(host.cpus)],
    [
      'memory',
      `${mib(memory.freeMib)} free of ${mib(memory.totalMib)} (${mib(memory.promisedMib)} promised, ${mib(memory.reserveMib)} reserve)`,
    ],
    ['guests', `${guests.defined} defined, ${guests.running} running, ${guests.ready} ready`],
    [
      'network',
      `${place}${network.problem === undefined ? 'rules in force' : `NOT AS THE SITE SAYS: ${network.problem}`}`,
      network.rulesInForce ? undefined : 'red',
    ],
    ['warnings', network.warnings.join('\n'), 'amber'],
    ['other firewalls', network.otherTables.map(({ name, refuses }) => `${name} (${refusing[refuses]})`).join(', ')],
    ['data', host.dataDirectory],
    ['daemon since', localTime(host.startedAt)],
  ];
}
