// `caisson zone …`
import type { Command } from 'commander';
import { CaissonError } from '../../lib/errors.ts';
import type { RulesCheck, RulesDifference } from '../../model/rules-check.ts';
import type { ZoneCheck, ZoneCheckLine, ZoneView } from '../../model/zone-check.ts';
import { asTheFlowsSay } from '../../model/zone-check-line.ts';
import { type JobOptions, showDetail, showList, type ViewOptions, withJob, withWatch } from '../command.ts';
import { connected } from '../connection.ts';
import { followJob, throwUnlessSucceeded } from '../follow-job.ts';
import type { Io } from '../io.ts';
import { renderValue, tableFor } from '../output.ts';
import type { Style } from '../style.ts';
import { type Column, type Field, listNames } from '../table.ts';

const columns: Column<ZoneView>[] = [
  { title: 'NAME', text: (zone) => zone.name },
  { title: 'SUBNETS', text: (zone) => zone.subnets.join(' ') },
  { title: 'KIND', text: kindText, style: kindStyle, optional: true },
  { title: 'UPLINK', text: uplinkText, optional: true },
  { title: 'GUESTS', text: (zone) => listNames(zone.guests), shrink: true },
];

const checkColumns: Column<ZoneCheckLine>[] = [
  { title: 'FROM', text: (line) => line.from },
  { title: 'TO', text: (line) => line.to },
  { title: 'ADDRESS', text: (line) => line.address },
  { title: 'PORT', text: (line) => line.port },
  { title: 'EXPECTED', text: (line) => line.expected },
  {
    title: 'GOT',
    text: (line) => line.got,
    style: (line) => (asTheFlowsSay(line) ? undefined : line.got === 'unknown' ? 'amber' : 'red'),
  },
  { title: 'DETAIL', text: (line) => line.detail ?? '', shrink: true, optional: true },
];

export function addZone(zone: Command, io: Io): void {
  withWatch(zone.command('list'))
    .description('every zone with its guests')
    .action((options: ViewOptions) =>
      showList(io, options, { columns, none: 'there are no zones', fetch: (client) => client.call('zoneList') }),
    );

  withWatch(zone.command('show'))
    .description('one zone with the flows that touch it')
    .argument('<zone>', 'name')
    .action((name: string, options: ViewOptions) =>
      showDetail(io, options, { fields, fetch: (client) => client.call('zoneShow', { params: { name } }) }),
    );

  withJob(zone.command('check'))
    .description(
      'decide what the rules in force do, for all addresses and ports; then try from the world, every guest and a probe in each zone to each other; exit 0 only if all is as the flows say',
    )
    .option('--rules-only', 'decide only: fast, nothing is sent, no guest takes part')
    .option('--no-control', 'do not open one flow on purpose to see that the check sees it')
    .option('--port <port...>', 'further ports to try, for example tcp/8080')
    .option('--all', 'print every attempt, not only those that differ')
    .action((options: CheckOptions) => check(io, options));
}

interface CheckOptions extends JobOptions {
  control: boolean;
  rulesOnly?: boolean;
  port?: string[];
  all?: boolean;
}

async function check(io: Io, options: CheckOptions): Promise<void> {
  await connected(io, options, async (connection) => {
    const body = {
      control: options.control,
      ...(options.rulesOnly ? { rulesOnly: true } : {}),
      ...(options.port ? { extraPorts: options.port } : {}),
    };
    const job = await followJob(io, connection, await connection.client.call('zoneCheck', { body }), { wait: options.wait });
    if (!options.wait) {
      if (options.output !== 'table') io.stdout.write(await renderValue(job, options.output));
      return;
    }
    throwUnlessSucceeded(job);
    const result = job.result as ZoneCheck;
    const text = options.output === 'table' ? renderCheck(io, result, options.all ?? false) : await renderValue(result, options.output);
    if (text !== '') io.stdout.write(text);
    if (result.rulesOnly && !result.rules)
      throw new CaissonError('failed', `nothing was decided, so nothing is proved: ${result.withoutRules}`);
    if (!result.rulesOnly && result.checks.length === 0) throw new CaissonError('failed', nothingTried);
    if (!result.ok) throw new CaissonError('failed', whatIsWrong(result));
  });
}

const nothingTried = 'nothing was tried, so nothing is proved: the site has no zone, or no probe could be plugged into one';

function whatIsWrong({ checks, control, rules }: ZoneCheck): string {
  if (rules && !rules.ok) {
    const isUndecided = rules.moreDifferences === 0 && rules.differences.every(({ decided }) => decided === 'undecided');
    return isUndecided
      ? 'not everything can be decided from the rules in force, so nothing is proved'
      : 'the rules in force are not as the flows say';
  }
  const isSilent = checks.every((line) => line.got === 'unknown' || asTheFlowsSay(line));
  const controlled = !control || (control.sawItOpen && control.sawItClosedAgain);
  return isSilent && controlled ? 'not every attempt could be told, so nothing is proved' : 'the filtering is not as the flows say';
}

function renderCheck(io: Io, { checks, untried, control, rules, withoutRules }: ZoneCheck, all: boolean): string {
  const ok = checks.every(asTheFlowsSay);
  const shown = all ? checks : checks.filter((line) => !asTheFlowsSay(line));
  const open = checks.filter((line) => line.got === 'open').length;
  const unknown = checks.filter((line) => line.got === 'unknown').length;
  const untold = unknown > 0 ? `, ${unknown} could not be told` : '';
  return [
    ...(rules ? renderRules(rules, all) : []),
    withoutRules === undefined ? '' : `rules in force: not decided: ${withoutRules}\n`,
    tableFor(io, shown, checkColumns),
    ...untried.map(({ from, why }) => `not tried from ${from}: ${why}\n`),
    checks.length === 0
      ? ''
      : `${checks.length} attempts: ${open} open, ${checks.length - open - unknown} refused${untold}; ${ok ? 'all as the flows say' : 'not all as the flows say'}\n`,
    control ? describeControl(control) : '',
  ].join('');
}

/** Differences named without `--all`. */
const mostLines = 40;

function renderRules({ trials, addresses, differences, moreDifferences, others }: RulesCheck, all: boolean): string[] {
  const shown = all ? differences : differences.slice(0, mostLines);
  const more = differences.length - shown.length + moreDifferences;
  const count = differences.length + moreDifferences;
  return [
    ...shown.map((difference) => `${describeDifference(difference)}\n`),
    more > 0 ? `… and ${more} more${all || differences.length === shown.length ? '' : '; --all names them'}\n` : '',
    `rules in force: ${trials} cases decided for ${addresses} addresses, each for all protocols and ports; ${
      count === 0 ? 'all as the flows say' : `${count} not as the flows say`
    }\n`,
    others.length > 0 ? `not looked at: ${others.join(', ')}, tables of other programs, which can refuse more\n` : '',
  ];
}

function describeDifference({ from, fromAddress, to, address, ports, expected, decided, rule, why }: RulesDifference): string {
  const place = (name: string, at?: string) => (at === undefined ? name : `${name} (${at})`);
  const ends = from === '' ? '' : `${place(from, fromAddress)} → ${place(to, address)} ${ports}: `;
  const by = rule === undefined ? '' : `; by ${rule}`;
  return `${ends}${expected} by the flows, ${decided} by the rules in force: ${why}${by}`;
}

function describeControl({ from, to, port, sawItOpen, sawItClosedAgain }: NonNullable<ZoneCheck['control']>): string {
  const seen = sawItOpen ? 'seen open' : 'NOT SEEN';
  return `control: ${from} → ${to} ${port} opened on purpose, ${seen}, ${sawItClosedAgain ? 'and closed again' : 'and NOT CLOSED AGAIN'}\n`;
}

function fields(zone: ZoneView): Field[] {
  return [
    ['name', zone.name],
    ['subnets', zone.subnets.join(', ')],
    ['gateways', zone.gateways.join(', ')],
    ['uplink', uplinkText(zone)],
    ['kind', kindText(zone), kindStyle(zone)],
    ['gives up', zone.bridged ? givesUp : undefined],
    ['guests', listNames(zone.guests, ', ')],
    ['flows', zone.flows.join('\n') || 'none: it reaches nothing and is reached by nothing'],
    ['publications', zone.publications.join('\n') || undefined],
  ];
}

/** Routed is what a zone is unless something else is said. */
function kindText({ masquerade, bridged }: ZoneView): string {
  return [...(masquerade ? ['masquerade'] : []), ...(bridged ? ['bridged (weaker)'] : [])].join(', ');
}

function kindStyle({ bridged }: ZoneView): Style | undefined {
  return bridged ? 'amber' : undefined;
}

const givesUp = `guests share one wire: flows between them are filtered without knowledge of
connections (an answer is told by its port alone), rates and logs do not hold there,
and what a flow to the whole zone allows reaches all of them at once`;

function uplinkText({ uplink }: ZoneView): string {
  if (!uplink) return '';
  const routers = [uplink.gateway, uplink.gateway6].filter((gateway) => gateway !== undefined);
  const device = uplink.vlan === undefined ? uplink.interface : `${uplink.interface} VLAN ${uplink.vlan}`;
  return routers.length > 0 ? `${device} via ${routers.join(', ')}` : device;
}
