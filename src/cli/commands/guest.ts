// `caisson guest …`
import type { Command } from 'commander';
import { formatDuration, formatSize } from '../../lib/units.ts';
import type { Guest } from '../../model/guest-status.ts';
import type { Job } from '../../model/job.ts';
import { type CommonOptions, connected, runJob, runJobForResult, withJob, withOutput } from '../command.ts';
import type { Connection } from '../connection.ts';
import { type Column, printFields, printList, printValue } from '../output.ts';
import { watchList } from '../watch.ts';

const columns: Column<Guest>[] = [
  { title: 'NAME', text: (guest) => guest.name },
  { title: 'STATE', text: stateWord },
  { title: 'ZONE', text: (guest) => guest.spec.zone },
  { title: 'ADDRESSES', text: (guest) => guest.status.nics.flatMap((nic) => nic.addresses).join(' '), shrink: true },
  { title: 'SERVICE', text: (guest) => guest.spec.service?.ports.join(' ') ?? '' },
  {
    title: 'READY AFTER',
    text: (guest) => (guest.status.readyAfterMs === undefined ? '' : formatDuration(guest.status.readyAfterMs)),
    right: true,
  },
  { title: 'MEMORY', text: (guest) => `${guest.spec.memoryMib} MiB`, right: true },
  { title: 'WHY', text: (guest) => guest.status.reason, shrink: true },
];

export function addGuestCommands(program: Command): void {
  const guest = program.command('guest').description('virtual machines: list, start, stop, console, …');

  withOutput(guest.command('list'))
    .description('every guest with its state')
    .option('--watch', 'go on, printing anew at every change')
    .action(async (options: CommonOptions & { watch?: boolean }) => {
      await connected(options, async (connection) => {
        const show = async () => printList((await connection.client.call('guestList')).items, options.output, columns);
        if (options.watch) await watchList(connection, show);
        else await show();
      });
    });

  withOutput(guest.command('show'))
    .description('everything about one guest')
    .argument('<guest>', 'name or uid')
    .option('--watch', 'go on, printing anew at every change')
    .action(async (name: string, options: CommonOptions & { watch?: boolean }) => {
      await connected(options, async (connection) => {
        const show = async () => showGuest(await connection.client.call('guestShow', { params: { guest: name } }), options);
        if (options.watch) await watchList(connection, show);
        else await show();
      });
    });

  withJob(guest.command('start'))
    .description('start it, after what it requires, and wait until it is ready')
    .argument('<guest>')
    .action((name: string, options: CommonOptions) =>
      runJob(options, ({ client }) => client.call('guestStart', { params: { guest: name } })),
    );

  withJob(guest.command('shutdown'))
    .description('ask it to shut down: its agent, then its power button')
    .argument('<guest>')
    .option('--timeout <seconds>', 'how long it may take', (text) => Math.round(Number(text) * 1000))
    .option('--force', 'cut its power when the time is over')
    .action((name: string, options: CommonOptions & { timeout?: number; force?: boolean }) =>
      runJob(options, ({ client }) =>
        client.call('guestShutdown', {
          params: { guest: name },
          body: { ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }), ...(options.force ? { force: true } : {}) },
        }),
      ),
    );

  const plain = (verb: string, description: string, call: (connection: Connection, name: string) => Promise<Job>) =>
    withJob(guest.command(verb))
      .description(description)
      .argument('<guest>')
      .action((name: string, options: CommonOptions) => runJob(options, (connection) => call(connection, name)));
  plain('stop', 'cut its power', ({ client }, name) => client.call('guestStop', { params: { guest: name } }));
  plain('pause', 'stop its processors', ({ client }, name) => client.call('guestPause', { params: { guest: name } }));
  plain('resume', 'let its processors run again', ({ client }, name) => client.call('guestResume', { params: { guest: name } }));

  withJob(guest.command('reboot'))
    .description('restart its operating system')
    .argument('<guest>')
    .option('--force', 'press reset instead of asking')
    .action((name: string, options: CommonOptions & { force?: boolean }) =>
      runJob(options, ({ client }) => client.call('guestReboot', { params: { guest: name }, body: options.force ? { force: true } : {} })),
    );

  withJob(guest.command('rename'))
    .description('give it another name; flows and dependencies follow')
    .argument('<guest>')
    .argument('<name>', 'the new name')
    .action((name: string, to: string, options: CommonOptions) =>
      runJob(options, ({ client }) => client.call('guestRename', { params: { guest: name }, body: { name: to } })),
    );

  withJob(guest.command('delete'))
    .description('delete a stopped guest; its disks stay unless told otherwise')
    .argument('<guest>')
    .option('--delete-disks', 'delete its disks too')
    .action(async (name: string, options: CommonOptions & { deleteDisks?: boolean }) => {
      const job = await runJobForResult(options, ({ client }) =>
        client.call('guestDelete', { params: { guest: name }, query: { deleteDisks: options.deleteDisks ? 'true' : 'false' } }),
      );
      const kept = (job.result as { disksKeptIn?: string } | undefined)?.disksKeptIn;
      if (kept !== undefined) process.stderr.write(`its disks are kept in ${kept}\n`);
    });

  withOutput(guest.command('console'))
    .description('its serial console; leave with Ctrl-] and then q')
    .argument('<guest>')
    .option('--history <bytes>', 'how much of what it said before', Number, 16_384)
    .action(async (name: string, options: CommonOptions & { history: number }) => {
      const { openConsole } = await import('../console.ts');
      await connected(options, (connection) => openConsole(connection, name, options.history));
    });
}

function stateWord(guest: Guest): string {
  const { power, ready } = guest.status;
  return power === 'running' ? (ready ? 'ready' : 'not ready') : power;
}

async function showGuest(guest: Guest, options: CommonOptions): Promise<void> {
  if (options.output !== 'table') return printValue(guest, options.output);
  const { describeCheck } = await import('../../model/service.ts');
  const { spec, status } = guest;
  printFields([
    ['name', guest.name],
    ['uid', guest.uid],
    ['state', stateWord(guest)],
    ['why', status.reason],
    ['possible now', guest.actions.join(', ')],
    ['zone', spec.zone],
    ['addresses', status.nics.flatMap((nic) => nic.addresses).join(', ')],
    ['mac', status.nics.map((nic) => nic.mac).join(', ')],
    ['service', spec.service?.ports.join(', ')],
    ['readiness', spec.service?.ready.map(describeCheck).join(', ')],
    ['ready after', status.readyAfterMs === undefined ? undefined : formatDuration(status.readyAfterMs)],
    ['started', status.startedAt],
    [
      'starts after',
      spec.after
        .map((dependency) => ('requires' in dependency ? `${dependency.requires} (required)` : `${dependency.wants} (wanted)`))
        .join(', '),
    ],
    ['processors', String(spec.cpus)],
    ['memory', `${spec.memoryMib} MiB${status.memoryBytes === undefined ? '' : `, costs the host ${formatSize(status.memoryBytes)}`}`],
    ['image', spec.image],
    ['firmware', spec.firmware],
    ['machine', `${guest.hardware.machineType}, ${guest.hardware.cpuModel}`],
    [
      'disks',
      status.disks
        .map(
          (disk) =>
            `${disk.name}: ${formatSize(disk.sizeBytes)}${disk.allocatedBytes === undefined ? '' : `, ${formatSize(disk.allocatedBytes)} used`}, ${disk.path}`,
        )
        .join('\n'),
    ],
    ['process', status.pid === undefined ? undefined : `${status.pid}, as user ${guest.userId}`],
    [
      'labels',
      Object.entries(spec.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(', '),
    ],
    ['description', spec.description],
  ]);
}
