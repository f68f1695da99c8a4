// `caisson zone …`
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import type { ZoneCheck, ZoneCheckLine, ZoneView } from '../../model/zone-check.ts';
import { type CommonOptions, connected, withJob, withOutput } from '../command.ts';
import { followJob } from '../follow-job.ts';
import { type Column, printFields, printList, printValue } from '../output.ts';

const columns: Column<ZoneView>[] = [
  { title: 'NAME', text: (zone) => zone.name },
  { title: 'SUBNETS', text: (zone) => zone.subnets.join(' ') },
  { title: 'UPLINK', text: uplinkText },
  { title: 'GUESTS', text: (zone) => zone.guests.join(' '), shrink: true },
];

const checkColumns: Column<ZoneCheckLine>[] = [
  { title: 'FROM', text: (line) => line.from },
  { title: 'TO', text: (line) => line.to },
  { title: 'ADDRESS', text: (line) => line.address },
  { title: 'PORT', text: (line) => line.port },
  { title: 'EXPECTED', text: (line) => line.expected },
  { title: 'GOT', text: (line) => line.got },
  { title: '', text: (line) => line.detail ?? '', shrink: true },
];

export function addZoneCommands(program: Command): void {
  const zone = program.command('zone').description('zones, and the proof that they hold');

  withOutput(zone.command('list'))
    .description('every zone with its guests')
    .action((options: CommonOptions) =>
      connected(options, async ({ client }) => printList((await client.call('zoneList')).items, options.output, columns)),
    );

  withOutput(zone.command('show'))
    .description('one zone with the flows that touch it')
    .argument('<zone>')
    .action((name: string, options: CommonOptions) =>
      connected(options, async ({ client }) => {
        const view = await client.call('zoneShow', { params: { name } });
        if (options.output !== 'table') return printValue(view, options.output);
        printFields([
          ['name', view.name],
          ['subnets', view.subnets.join(', ')],
          ['gateways', view.gateways.join(', ')],
          ['uplink', uplinkText(view)],
          ['guests', view.guests.join(', ')],
          ['flows', view.flows.join('\n') || 'none: it reaches nothing and is reached by nothing'],
        ]);
      }),
    );

  withJob(zone.command('check'))
    .description('try every pair of world and guests on every declared port and some others; exit 0 only if all is as the flows say')
    .option('--no-control', 'do not open one flow on purpose to see that the check sees it')
    .option('--port <port...>', 'further ports to try, for example tcp/8080')
    .option('--all', 'print every attempt, not only those that differ')
    .action(check);
}

async function check(options: CommonOptions & { control: boolean; port?: string[]; all?: boolean }): Promise<void> {
  await connected(options, async (connection) => {
    const started = await connection.client.call('zoneCheck', {
      body: { control: options.control, ...(options.port ? { extraPorts: options.port } : {}) },
    });
    const job = await followJob(connection, started, { wait: options.wait });
    if (!options.wait) return;
    const { zoneCheckSchema } = await import('../../model/zone-check.ts');
    const result = zoneCheckSchema.parse(job.result);
    if (options.output === 'table') await printCheck(result, options.all ?? false);
    else await printValue(result, options.output);
    if (!result.ok) throw new CaissonError('failed', 'the filtering is not as the flows say');
  });
}

async function printCheck({ checks, control, ok }: ZoneCheck, all: boolean): Promise<void> {
  const shown = all ? checks : checks.filter((line) => line.got !== line.expected);
  if (shown.length > 0) await printList(shown, 'table', checkColumns);
  const open = checks.filter((line) => line.got === 'open').length;
  const unknown = checks.filter((line) => line.got === 'unknown').length;
  process.stdout.write(
    `${checks.length} attempts: ${open} open, ${checks.length - open - unknown} refused${unknown > 0 ? `, ${unknown} could not be told` : ''}; ${ok ? 'all as the flows say' : 'not all as the flows say'}\n`,
  );
  if (control) {
    process.stdout.write(
      `control: ${control.from} → ${control.to} ${control.port} opened on purpose, ${control.sawItOpen ? 'seen open' : 'NOT SEEN'}, ${control.sawItClosedAgain ? 'and closed again' : 'and NOT CLOSED AGAIN'}\n`,
    );
  }
}

function uplinkText({ uplink }: ZoneView): string {
  if (!uplink) return '';
  const routers = [uplink.gateway, uplink.gateway6].filter((gateway) => gateway !== undefined);
  return routers.length > 0 ? `${uplink.interface} via ${routers.join(', ')}` : uplink.interface;
}
