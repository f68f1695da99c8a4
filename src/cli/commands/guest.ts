// `caisson guest …`
import { type Command, Option } from 'commander';
import type { Client } from '../../api/client.ts';
import { CaissonError } from '../../lib/errors.ts';
import { formatDuration } from '../../lib/units.ts';
import type { GuestChange } from '../../model/guest-change.ts';
import type { Guest, GuestGoal } from '../../model/guest-status.ts';
import type { Job } from '../../model/job.ts';
import {
  duration,
  type JobOptions,
  type OutputOptions,
  runJob,
  showDetail,
  showList,
  type ViewOptions,
  wholeNumber,
  withConnection,
  withJob,
  withOutput,
  withWatch,
} from '../command.ts';
import { connected, type ConnectionOptions } from '../connection.ts';
import { addAdvise, addStats } from './top.ts';
import { collect, disk, memoryRange, nic, pins, processors, size } from '../size-options.ts';
import { guestStyle, stateWord } from '../guest-state.ts';
import type { Io } from '../io.ts';
import { harmless } from '../../lib/harmless.ts';
import type { Column } from '../table.ts';

const columns: Column<Guest>[] = [
  { title: 'NAME', text: (guest) => guest.name },
  { title: 'STATE', text: stateWord, style: guestStyle },
  { title: 'ZONE', text: zonesText, style: (guest) => (guest.status.nics.some(({ bridged }) => bridged) ? 'amber' : undefined) },
  { title: 'ADDRESSES', text: (guest) => guest.status.nics.flatMap((nic) => nic.addresses).join(' '), shrink: true },
  { title: 'SERVICE', text: (guest) => guest.spec.service?.ports.join(' ') ?? '', optional: true, shrink: true },
  {
    title: 'READY AFTER',
    text: (guest) => (guest.status.readyAfterMs === undefined ? '' : formatDuration(guest.status.readyAfterMs)),
    right: true,
    optional: true,
  },
  { title: 'MEMORY', text: (guest) => `${guest.spec.memoryMib} MiB`, right: true },
  { title: 'WHY', text: (guest) => guest.status.reason, shrink: true, optional: true },
];

/** A shared wire is told wherever a guest is. */
function zonesText({ status }: Guest): string {
  return status.nics.map(({ zone, bridged }) => (bridged ? `${zone} (bridged)` : zone)).join(' ');
}

/** As `guestGoalSchema` has them: no schema is loaded for parsing a command. */
const guestGoals: readonly GuestGoal[] = ['ready', 'stopped', 'agent'];

const consoleKeys = `
On a terminal every key goes to the guest, Ctrl-C too, but for these:
  Ctrl-] q       leave the console; the guest goes on
  Ctrl-] Ctrl-]  send one Ctrl-] to the guest
Otherwise standard input goes to the guest, and the console is left once that has ended and the guest is silent for a second.`;

const screenHelp = `
Whoever may connect to the address of --listen sees the screen and types in it, which on a machine with several users is each of them.
Anybody who looks at the screen of a guest sees the same; nobody puts another one out.`;

interface ScreenOptions {
  listen?: string;
  png?: string;
}

export function addGuest(guest: Command, io: Io): void {
  withWatch(guest.command('list'))
    .description('every guest with its state')
    .action((options: ViewOptions) =>
      showList(io, options, {
        columns,
        none: 'there are no guests: “caisson apply FILE” makes those of a site file',
        fetch: (client) => client.call('guestList'),
      }),
    );

  withWatch(guest.command('show'))
    .description('everything about one guest')
    .argument('<guest>', 'name or uid')
    .action((name: string, options: ViewOptions) =>
      showDetail(io, options, {
        fields: async (found: Guest) => (await import('../guest-fields.ts')).guestFields(found),
        fetch: (client) => client.call('guestShow', { params: { guest: name } }),
      }),
    );

  withOutput(guest.command('wait'))
    .description('wait until it is ready or stopped, or its agent answers; what it waits for is told meanwhile')
    .argument('<guest>', 'name or uid')
    .addOption(new Option('--for <what>', 'ready: its service answers; stopped: nothing of it runs').choices(guestGoals).default('ready'))
    .option('--timeout <duration>', 'how long at most, for example 60s or 5min', duration, 60_000)
    .action(async (name: string, options: OutputOptions & { for: GuestGoal; timeout: number }) => {
      const { waitForGuest } = await import('../wait-for-guest.ts');
      await connected(io, options, (connection) => waitForGuest(io, connection, name, options));
    });
  addStats(guest, io);
  addAdvise(guest, io);

  addPowerVerbs(guest, io);

  withConnection(guest.command('console'))
    .description('its serial console; leave with Ctrl-] and then q')
    .argument('<guest>', 'name or uid')
    .option('--history <bytes>', 'how much of what it said before is shown', wholeNumber(0, 1_048_576), 16_384)
    .addHelpText('after', consoleKeys)
    .action(async (name: string, options: ConnectionOptions & { history: number }) => {
      const { openConsole } = await import('../console.ts');
      await connected(io, options, (connection) => openConsole(io, connection, name, options.history));
    });

  withConnection(guest.command('screen'))
    .description('its screen: where to see it, as a picture, or for a VNC viewer of this machine')
    .argument('<guest>', 'name or uid')
    .addOption(
      new Option(
        '--listen <address:port>',
        'offer it at an address of this machine alone, for example 127.0.0.1:5901, until Ctrl-C; port 0: any that is free',
      ).conflicts('png'),
    )
    .option('--png <file>', 'write what it shows now as a picture; - is standard output')
    .addHelpText('after', screenHelp)
    .action(async (name: string, options: ConnectionOptions & ScreenOptions) => {
      const { showScreen } = await import('../screen.ts');
      await connected(io, options, (connection) => showScreen(io, connection, name, options));
    });

  withJob(guest.command('rename'))
    .description('give it another name; flows and dependencies follow')
    .argument('<guest>', 'name or uid')
    .argument('<name>', 'the new name')
    .action(async (name: string, to: string, options: JobOptions) => {
      await runJob(io, options, (client) => client.call('guestRename', { params: { guest: name }, body: { name: to } }));
    });

  addSet(guest, io);

  withJob(guest.command('delete'))
    .description('delete a stopped guest; its disks stay unless told otherwise')
    .argument('<guest>', 'name or uid')
    .option('--delete-disks', 'delete its disks too')
    .action(async (name: string, options: JobOptions & { deleteDisks?: boolean }) => {
      const job = await runJob(io, options, (client) =>
        client.call('guestDelete', { params: { guest: name }, query: { deleteDisks: options.deleteDisks ? 'true' : 'false' } }),
      );
      const kept = (job.result as { disksKeptIn?: string } | undefined)?.disksKeptIn;
      if (kept !== undefined) io.stderr.write(`its disks are kept in ${harmless(kept)}\n`);
    });
}

interface SetOptions extends JobOptions {
  memory?: number;
  memoryRange?: { minMib: number; maxMib: number } | null;
  cpus?: number;
  cpuWeight?: number;
  cpuLimit?: number;
  cpuPin?: number[];
  disk: ReturnType<typeof disk>;
  removeDisk: string[];
  nic: ReturnType<typeof nic>;
  removeNic: string[];
}

function addSet(guest: Command, io: Io): void {
  withJob(guest.command('set'))
    .description('change its memory, processors, disks and nics: at once as far as its system can follow, the rest at its next start')
    .argument('<guest>', 'name or uid')
    .option('--memory <size>', 'for example 1GiB; while it runs within the range { min, max } of its memory', size)
    .option('--memory-range <min-max>', 'for example 512MiB-4GiB, from its next start on; none: no range', memoryRange)
    .option('--cpus <number>', 'virtual processors', wholeNumber(1, 64))
    .option('--cpu-weight <number>', 'against other guests when processors are short; 100 is usual', wholeNumber(1, 10_000))
    .option('--cpu-limit <processors>', 'at most so much processor time, for example 1.5', processors)
    .option('--cpu-pin <processors>', 'the host’s processors that it runs on, for example 0,2 or 0-3', pins)
    .option('--disk <name=size>', 'a new disk (data=50GiB, or data=50GiB:scsi), or an existing one that grows; may be repeated', disk, {})
    .option('--remove-disk <name>', 'take a disk out; its file stays; may be repeated', collect, [])
    .option(
      '--nic <zone>',
      'a new nic in a zone (internal, or external=192.0.2.10 with fixed addresses), or other addresses; may be repeated',
      nic,
      {},
    )
    .option('--remove-nic <zone>', 'take out the nic that it has in a zone; may be repeated', collect, [])
    .addHelpText('after', '\nThe site’s wish is changed, as “caisson apply” does; “caisson site export” shows it.')
    .action(async (name: string, options: SetOptions) => {
      const body = changeOf(options);
      if (Object.keys(body).length === 0)
        throw new CaissonError('invalid', 'nothing to set: give --memory, --cpus, --disk, --nic or another option');
      const job = await runJob(io, options, (client) => client.call('guestSet', { params: { guest: name }, body }));
      const { pending = [] } = (job.result ?? {}) as { pending?: string[] };
      if (options.output === 'table') for (const line of pending) io.stdout.write(`${harmless(`pending: ${line}`)}\n`);
    });
}

function changeOf({ memory, memoryRange: range, cpus, cpuWeight, cpuLimit, cpuPin, ...options }: SetOptions): GuestChange {
  const disks = { ...options.disk, ...Object.fromEntries(options.removeDisk.map((one) => [one, null])) };
  const nics = { ...options.nic, ...Object.fromEntries(options.removeNic.map((one) => [one, null])) };
  const cpu = {
    ...(cpuWeight === undefined ? {} : { weight: cpuWeight }),
    ...(cpuLimit === undefined ? {} : { limit: cpuLimit }),
    ...(cpuPin === undefined ? {} : { pin: cpuPin }),
  };
  return {
    ...(memory === undefined ? {} : { memoryMib: memory }),
    ...(range === undefined ? {} : { memoryRange: range }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(Object.keys(cpu).length === 0 ? {} : { cpu }),
    ...(Object.keys(disks).length === 0 ? {} : { disks }),
    ...(Object.keys(nics).length === 0 ? {} : { nics }),
  };
}

interface ShutdownOptions {
  timeout?: number;
  force?: boolean;
  withDependents?: boolean;
  alone?: boolean;
}

function addPowerVerbs(guest: Command, io: Io): void {
  const plain = (verb: string, description: string, call: (client: Client, name: string) => Promise<Job>) =>
    withJob(guest.command(verb))
      .description(description)
      .argument('<guest>', 'name or uid')
      .action(async (name: string, options: JobOptions) => {
        await runGuestJob(io, options, name, (client) => call(client, name));
      });

  plain('start', 'start it, after what it requires, and wait until it is ready', (client, name) =>
    client.call('guestStart', { params: { guest: name } }),
  );

  withJob(guest.command('shutdown'))
    .description('ask it to shut down: its agent, then its power button')
    .argument('<guest>', 'name or uid')
    .option('--timeout <duration>', 'how long it may take, for example 90s or 5min; default: as its site file says', duration)
    .option('--force', 'cut its power when the time is over')
    .addOption(new Option('--with-dependents', 'shut down first what requires it; that starts again with it').conflicts('alone'))
    .option('--alone', 'let what requires it run on, though not ready')
    .action(async (name: string, options: JobOptions & ShutdownOptions) => {
      const body = {
        ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
        ...(options.force ? { force: true } : {}),
        ...(options.withDependents ? { dependents: 'first' as const } : options.alone ? { dependents: 'leave' as const } : {}),
      };
      await runGuestJob(io, options, name, (client) => client.call('guestShutdown', { params: { guest: name }, body }));
    });

  plain('stop', 'cut its power', (client, name) => client.call('guestStop', { params: { guest: name } }));

  withJob(guest.command('reboot'))
    .description('restart its operating system')
    .argument('<guest>', 'name or uid')
    .option('--force', 'press reset instead of asking')
    .action(async (name: string, options: JobOptions & { force?: boolean }) => {
      const body = options.force ? { force: true } : {};
      await runGuestJob(io, options, name, (client) => client.call('guestReboot', { params: { guest: name }, body }));
    });

  plain('pause', 'stop its processors', (client, name) => client.call('guestPause', { params: { guest: name } }));
  plain('resume', 'let its processors run again', (client, name) => client.call('guestResume', { params: { guest: name } }));
}

/** Afterwards says how the guest is. */
async function runGuestJob(io: Io, options: JobOptions, name: string, start: (client: Client) => Promise<Job>): Promise<void> {
  await runJob(io, options, start);
  if (!options.wait || options.output !== 'table') return;
  const guest = await connected(io, options, ({ client }) => client.call('guestShow', { params: { guest: name } }));
  const { reason } = guest.status;
  io.stdout.write(harmless(`${guest.name} is ${stateWord(guest)}${reason === '' || reason.startsWith('is ') ? '' : `: ${reason}`}\n`));
}
