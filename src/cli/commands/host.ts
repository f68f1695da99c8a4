// `caisson host …`
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import type { HostCertificate } from '../../model/host-certificate.ts';
import type { Host } from '../../model/host.ts';
import {
  duration,
  type JobOptions,
  type OutputOptions,
  runJob,
  showDetail,
  type ViewOptions,
  withConnection,
  withJob,
  withOutput,
  withWatch,
} from '../command.ts';
import { connected, type ConnectionOptions } from '../connection.ts';
import type { Io } from '../io.ts';
import { harmless } from '../../lib/harmless.ts';
import { formatSize } from '../../lib/units.ts';
import type { Field } from '../table.ts';
import { localTime } from '../times.ts';

export function addHost(host: Command, io: Io): void {
  withWatch(host.command('show'))
    .description('what it can carry and what it has promised')
    .action((options: ViewOptions) => showDetail(io, options, { fields, fetch: (client) => client.call('hostShow') }));

  withOutput(host.command('certificate'))
    .description('by which certificate it is known to others, and until when')
    .action((options: OutputOptions) =>
      showDetail(io, options, { fields: certificateFields, fetch: (client) => client.call('hostCertificate') }),
    );

  withConnection(host.command('ca'))
    .description('the authority that its certificate comes from, in PEM on standard output, for import; its fingerprint beside it')
    .action((options: ConnectionOptions) =>
      connected(io, options, async ({ client }) => {
        const { authority } = await client.call('hostCertificate');
        if (!authority)
          throw new CaissonError('not-found', 'the certificate was given to this host (--tls-cert): its authority is not ours to tell');
        io.stdout.write(authority.pem);
        io.stderr.write(`SHA-256 fingerprint ${authority.fingerprint}\n`);
      }),
    );

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

function certificateFields({ source, fingerprint, names, issuer, from, until, authority, acme }: HostCertificate): Field[] {
  return [
    ['made by', source === 'own' ? 'this host' : `somebody else (--tls-cert), ${issuer}`],
    ['for', names.join(', ')],
    ['fingerprint', fingerprint],
    ['from', localTime(from)],
    ['until', localTime(until)],
    ['authority', authority && `until ${localTime(authority.until)}; “caisson host ca” prints it`],
    ['its fingerprint', authority?.fingerprint],
    ['by ACME', acme && acmeText(acme), acme?.problem === undefined ? undefined : 'amber'],
  ];
}

function acmeText({ directory, names, issuer, until, problem, nextTryAt }: NonNullable<HostCertificate['acme']>): string {
  const state = until === undefined ? 'none yet: the one above is shown' : `until ${localTime(until)}, of ${issuer}`;
  return [
    `${names.join(', ')}: ${state}`,
    `from ${directory}`,
    ...(problem === undefined ? [] : [`${problem}; next try ${nextTryAt === undefined ? 'soon' : localTime(nextTryAt)}`]),
  ].join('\n');
}

const refusing = { all: 'drops what it does not know', some: 'refuses some', nothing: 'refuses nothing', unknown: 'cannot be read' };

function describeProcessors({ cpus, topology }: Pick<Host, 'cpus' | 'topology'>): string {
  if (!topology) return String(cpus);
  const { sockets, cores, threads, model } = topology;
  return `${cpus}${model ? `, ${model}` : ''} (${count(sockets, 'socket')}, ${count(cores, 'core')}, ${count(threads, 'thread')})`;
}

function describePressure({ pressure }: Pick<Host, 'pressure'>): string | undefined {
  if (!pressure) return undefined;
  const { availableMib, swapUsedMib, waiting } = pressure;
  return [
    `${availableMib.toLocaleString('en')} MiB available now`,
    ...(waiting ? [`programs wait for memory ${Math.round(waiting.some * 100)} % of the time`] : []),
    ...(swapUsedMib > 0 ? [`${swapUsedMib.toLocaleString('en')} MiB in swap`] : []),
  ].join(', ');
}

function describeDisk({ path, sizeBytes, freeBytes, problem }: Host['disks'][number]): string {
  return problem ?? `${formatSize(freeBytes)} free of ${formatSize(sizeBytes)} at ${path}`;
}

function describeNode({ id, cpus, memoryMib }: { id: number; cpus: string; memoryMib: number }): string {
  return `node ${id}: processors ${cpus}, ${memoryMib.toLocaleString('en')} MiB`;
}

function describeHugePages({ topology }: Pick<Host, 'topology'>): string | undefined {
  if (!topology) return undefined;
  const reserved = topology.hugePages
    .filter(({ total }) => total > 0)
    .map(({ sizeKib, total, free }) => `${free} of ${total} of ${sizeKib / 1024} MiB free`);
  return [...(topology.transparentHugePages ? [`transparent: ${topology.transparentHugePages}`] : []), ...reserved].join(', ') || undefined;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function fields({ memory, guests, network, ...host }: Host): Field[] {
  const mib = (value: number) => `${value.toLocaleString('en')} MiB`;
  const place = network.namespace ? `namespace ${network.namespace}, ` : '';
  return [
    ['name', host.name],
    ['version', host.version],
    ['QEMU', `${host.qemuVersion}, ${host.accelerator === 'kvm' ? 'KVM' : 'emulation (TCG)'}`],
    ['processors', describeProcessors(host)],
    [
      'memory',
      `${mib(memory.freeMib)} free of ${mib(memory.totalMib)} (${mib(memory.promisedMib)} promised, ${mib(memory.reserveMib)} reserve)`,
    ],
    ['pressure', describePressure(host)],
    ['disk', host.disks.map(describeDisk).join('\n'), host.disks.some(({ problem }) => problem !== undefined) ? 'amber' : undefined],
    ['NUMA', (host.topology?.numaNodes.length ?? 0) > 1 ? host.topology?.numaNodes.map(describeNode).join('\n') : undefined],
    ['huge pages', describeHugePages(host)],
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
