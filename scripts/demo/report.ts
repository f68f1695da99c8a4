// What the demo shows when all runs: a table for people, JSON for programs. Pure.
import type { Guest } from '../../src/model/guest-status.ts';
import type { ZoneCheck } from '../../src/model/zone-check.ts';
import { formatDuration, formatSize } from '../../src/lib/units.ts';

export interface DemoReport {
  ok: boolean;
  api: string;
  /** File with the token that the API asks for. */
  token: string;
  guests: {
    name: string;
    uid: string;
    zone: string;
    addresses: string[];
    service: string;
    ready: boolean;
    readyAfterMs: number | null;
    memoryBytes: number | null;
    pid: number | null;
  }[];
  checks: { from: string; to: string; address: string; port: string; expected: string; got: string }[];
  /** One flow opened on purpose, and seen. */
  control: ZoneCheck['control'] | null;
  /** What is wrong, in words; empty when `ok`. */
  problems: string[];
}

export function makeReport(input: { api: string; token: string; guests: readonly Guest[]; check: ZoneCheck }): DemoReport {
  const { api, token, guests, check } = input;
  const problems = [
    ...guests.filter(({ status }) => !status.ready).map(({ name, status }) => `${name} is not ready: ${status.reason || status.power}`),
    ...wrongLines(check),
    ...wrongRules(check),
    ...check.untried.map(({ from, why }) => `nothing could be tried from ${from}: ${why}`),
    ...(check.control?.sawItOpen && check.control.sawItClosedAgain ? [] : ['the filtering check did not see the flow opened on purpose']),
    ...(check.checks.length === 0 ? ['the filtering check tried nothing'] : []),
  ];
  return {
    ok: problems.length === 0,
    api,
    token,
    guests: guests.map(({ name, uid, spec, status }) => ({
      name,
      uid,
      zone: status.nics.map((nic) => nic.zone).join(' '),
      addresses: status.nics.flatMap(({ addresses }) => addresses),
      service: (spec.service?.ports ?? []).join(' '),
      ready: status.ready,
      readyAfterMs: status.readyAfterMs ?? null,
      memoryBytes: status.memoryBytes ?? null,
      pid: status.pid ?? null,
    })),
    checks: check.checks.map(({ from, to, address, port, expected, got }) => ({ from, to, address, port, expected, got })),
    control: check.control ?? null,
    problems,
  };
}

/** What got through, or did not, against the site file; attempts that could not be made are told once for each reason. */
function wrongLines(check: ZoneCheck): string[] {
  const wrong = check.checks.filter((line) => !holds(line));
  const untried = Map.groupBy(
    wrong.filter(({ got }) => got === 'unknown'),
    ({ from, detail }) => `from ${from}: ${detail ?? 'no reason given'}`,
  );
  return [
    ...wrong
      .filter(({ got }) => got !== 'unknown')
      .map(({ from, to, port, address, expected, got }) => `${from} → ${to} (${address}) ${port} should be ${expected} and is ${got}`),
    ...[...untried].map(([why, lines]) => `${lines.length} connections could not be tried ${why}`),
  ];
}

/** What the rules in force would do otherwise, whether or not it was tried. */
function wrongRules({ rules }: ZoneCheck): string[] {
  if (!rules || rules.ok) return [];
  const { differences, moreDifferences } = rules;
  return [
    ...differences.map(({ from, to, address, ports, expected, decided, why }) => {
      const where = address === undefined ? '' : ` (${address})`;
      return `the rules in force: ${from} → ${to}${where} ${ports} should be ${expected} and is ${decided} (${why})`;
    }),
    ...(moreDifferences > 0 ? [`the rules in force: ${moreDifferences} more`] : []),
  ];
}

/** What is allowed need not be answered, a datagram or what left for the world: then nothing is known, and nothing is wrong. */
function holds({ to, expected, got, port }: { to: string; expected: string; got: string; port: string }): boolean {
  return expected === got || (got === 'unknown' && expected === 'open' && (to === 'world' || port.startsWith('udp/')));
}

/** The table, the API's address, and what to try from this machine. */
export function renderReport(report: DemoReport): string[] {
  const held = report.checks.filter(holds).length;
  const control = report.control
    ? `; the control flow ${report.control.from} → ${report.control.to} ${report.control.port} was seen open and closed again`
    : '';
  return [
    ...renderTable([
      ['GUEST', 'ZONE', 'ADDRESSES', 'SERVICE', 'READY AFTER', 'MEMORY'],
      ...report.guests.map((guest) => [
        guest.name,
        guest.zone,
        guest.addresses.join(' '),
        guest.service,
        guest.ready ? (guest.readyAfterMs === null ? 'ready' : formatDuration(guest.readyAfterMs)) : 'NOT READY',
        guest.memoryBytes === null ? '–' : formatSize(guest.memoryBytes),
      ]),
    ]),
    '',
    `Filtering: ${held} of ${report.checks.length} connections as the site file says${control}.`,
    ...report.problems.map((problem) => `  ${problem}`),
    `Page: ${new URL('/', report.api).href} (way in: “By the token of the host”, which is in ${report.token})`,
    `API: ${report.api} (the same token)`,
    '',
    'Try from this machine:',
    ...thingsToTry(report).map((line) => `  ${line}`),
  ];
}

/** A command for each port that the world may reach, and one that is refused. */
export function thingsToTry(report: Pick<DemoReport, 'checks'>): string[] {
  const fromWorld = report.checks.filter(({ from }) => from === 'world');
  const open = fromWorld.filter(({ expected }) => expected === 'open');
  const first = [...Map.groupBy(open, ({ to, port }) => `${to} ${port}`).values()].flatMap(([line]) => (line ? [line] : []));
  const commands = first.flatMap(({ to, address, port }) => {
    const command = commandFor(address, port);
    return command === undefined ? [] : [{ command, note: to }];
  });
  const closed = fromWorld.find(({ expected, port }) => expected === 'refused' && port === 'tcp/80');
  if (closed) commands.push({ command: `curl --max-time 3 ${urlOf(closed.address)}`, note: `${closed.to}: refused, no flow allows it` });
  const width = Math.max(0, ...commands.map(({ command }) => command.length));
  return commands.map(({ command, note }) => `${command.padEnd(width)}  # ${note}`);
}

function commandFor(address: string, port: string): string | undefined {
  if (port === 'tcp/80') return `curl ${urlOf(address)}`;
  if (port === 'tcp/22') return `ssh ${address}`;
  if (port === 'udp/53') return `host -t SOA lab.example ${address}`;
  return undefined;
}

function urlOf(address: string): string {
  return `http://${address.includes(':') ? `[${address}]` : address}/`;
}

function renderTable(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
