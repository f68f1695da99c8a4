// `caisson flow …`
import type { Command } from 'commander';
import type { FlowExplanation, FlowView, FlowVisitor, WayDecision } from '../../model/flow-view.ts';
import { showList, showView, type ViewOptions, withOutput, withWatch } from '../command.ts';
import type { Io } from '../io.ts';
import { renderValue } from '../output.ts';
import { type Column, listNames } from '../table.ts';

const columns: Column<FlowView>[] = [
  { title: 'FROM', text: (flow) => flow.from },
  { title: 'TO', text: (flow) => flow.to },
  { title: 'ALLOW', text: (flow) => flow.allow.join(' ') },
  { title: 'LIMITS', text: limits, optional: true },
  { title: 'GUESTS', text: guestsOf, shrink: true, optional: true },
  { title: 'WHY', text: (flow) => flow.comment ?? '', shrink: true, optional: true },
];

const visitorColumns: Column<FlowVisitor>[] = [
  { title: 'FROM', text: (visitor) => visitor.from },
  { title: 'PORTS', text: (visitor) => visitor.ports.join(' ') },
  { title: 'BY', text: (visitor) => visitor.by, shrink: true },
];

export function addFlow(flow: Command, io: Io): void {
  withWatch(flow.command('list'))
    .description('every flow of the site; what none lists is refused')
    .action((options: ViewOptions) =>
      showList(io, options, {
        columns,
        none: 'there are no flows: nobody reaches anybody',
        fetch: (client) => client.call('flowList'),
      }),
    );

  withOutput(flow.command('explain'))
    .description('what decides between two ends on a port: a flow, or why nothing passes, and what the rules in force do')
    .argument('<from>', 'guest, zone:NAME, address, world or host')
    .argument('<to>', 'the same')
    .argument('<port>', 'tcp/80, udp/53, icmp, protocol/47')
    .action((from: string, to: string, port: string, options: ViewOptions) =>
      showView(io, options, async ({ client }) => {
        const explained = await client.call('flowExplain', { query: { from, to, port } });
        return options.output === 'table' ? renderExplanation(explained) : renderValue(explained, options.output);
      }),
    );

  withOutput(flow.command('who'))
    .description('who can reach a guest, on which ports, by which flow')
    .argument('<guest>', 'name or uid')
    .action((guest: string, options: ViewOptions) =>
      showList(io, options, {
        columns: visitorColumns,
        none: 'nobody can reach it',
        fetch: (client) => client.call('flowVisitors', { params: { guest } }),
      }),
    );
}

function limits({ rate, log }: FlowView): string {
  return [...(rate === undefined ? [] : [`at most ${rate}`]), ...(log ? ['logged'] : [])].join(', ');
}

/** Who the ends stand for, where their names do not say it. */
function guestsOf({ from, to, sources, targets }: FlowView): string {
  const side = (text: string, names: string[]) => (names.length === 1 && names[0] === text ? '' : listNames(names));
  const [left, right] = [side(from, sources), side(to, targets)];
  return left === '' && right === '' ? '' : `${left || from} → ${right || to}`;
}

/** One paragraph for each pair of addresses that is decided otherwise than those before. */
function renderExplanation({ from, to, port, ways, differs, withoutRules }: FlowExplanation): string {
  const groups = Map.groupBy(ways, (way) => JSON.stringify([way.decided, way.why, way.sharedWire, way.rules?.decided, way.rules?.why]));
  return [
    ...[...groups.values()].map((group) => renderWays(`${from} → ${to} ${port}`, group)),
    withoutRules === undefined ? '' : `rules in force: not asked: ${withoutRules}\n`,
    differs ? 'WARNING: the rules in force are not what the flows say; “caisson zone check” tells all that differs\n' : '',
  ].join('');
}

function renderWays(title: string, group: readonly WayDecision[]): string {
  const [first] = group;
  if (!first) return '';
  const { decided, why, sharedWire, rules } = first;
  const addresses = group.map((way) => `${way.fromAddress} → ${way.toAddress}`);
  const more = addresses.length > 3 ? ` and ${addresses.length - 3} more` : '';
  const by = rules?.rule === undefined ? '' : `\n  ${rules.rule}`;
  return [
    `${title}: ${decided}\n`,
    `  ${addresses.slice(0, 3).join(', ')}${more}\n`,
    `  ${why}\n`,
    sharedWire === undefined
      ? ''
      : `  Weaker: both are on the shared wire of zone ${sharedWire}, which is filtered without knowledge of connections.\n`,
    rules ? `  rules in force: ${rules.decided}: ${rules.why}${by}\n` : '',
  ].join('');
}
