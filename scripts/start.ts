// `npm start [-- --exit] [--json]`: the demo. A consolidated host at work: four guests in two zones from examples/lab/site.yaml,
// reachable from this machine as from the world. Ctrl-C takes all of it away again.
import { CaissonError, describeError } from '../src/lib/errors.ts';
import { formatDuration } from '../src/lib/units.ts';
import type { Guest } from '../src/model/guest-status.ts';
import type { ZoneCheck, ZoneView } from '../src/model/zone-check.ts';
import { readOptions } from './command-options.ts';
import { ask, tell } from './demo/caisson.ts';
import { leave, listDemoTraces, meetEarlierDemo } from './demo/clean.ts';
import { type DemoDaemon, logTail, startDaemon } from './demo/daemon.ts';
import { makeDemoNetwork, routeGuests } from './demo/network.ts';
import { demo } from './demo/place.ts';
import { type DemoReport, makeReport, renderReport } from './demo/report.ts';
import { isAlive, type ProcessName, processName, writeDemoState } from './demo/state.ts';

const { values } = readOptions('npm start [-- --exit] [--json]', {
  options: { exit: { type: 'boolean', default: false }, json: { type: 'boolean', default: false } },
});
/** With --json standard output is for the report alone. */
const output = values.json ? 2 : 1;
const startedAt = performance.now();

function say(text: string): void {
  (output === 1 ? process.stdout : process.stderr).write(`${text}\n`);
}

const leaving = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // npm hands Ctrl-C on, so that it comes twice: only the first one counts.
  process.on(signal, () => {
    if (!leaving.signal.aborted) say('\nLeaving …');
    leaving.abort(new CaissonError('cancelled', `the demo was told to leave (${signal})`));
  });
}
// A terminal that is gone must not keep us from cleaning up.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

let helper: ProcessName | undefined;

/** Network and daemon, on the data of an earlier demo when there are any. */
async function begin(): Promise<DemoDaemon> {
  const starter = processName(process.pid);
  if (!starter) throw new CaissonError('internal', '/proc does not know this process');
  writeDemoState({ starter });
  say('Making the guests’ network: a namespace of its own, with this machine as its world …');
  await makeDemoNetwork();
  say('Starting the daemon …');
  return startDaemon({
    signal: leaving.signal,
    onStarted(name) {
      helper = name;
      writeDemoState({ starter, helper: name });
    },
  });
}

async function showDemo(earlier: { left: boolean }): Promise<DemoReport> {
  const { signal } = leaving;
  const daemon = await begin().catch(async (error: unknown) => {
    if (!earlier.left || signal.aborted) throw error;
    say(`The earlier demo cannot be gone on with (${describeError(error)}): it is taken away and made anew.`);
    await leave(helper, output, say);
    return begin();
  });
  say(`Applying ${demo.siteFile}: images are built once, then guests start in order …`);
  await tell(['apply', demo.siteFile], { output, signal });
  const { items: zones } = await ask<{ items: ZoneView[] }>(['zone', 'list'], { signal });
  const { items: guests } = await ask<{ items: Guest[] }>(['guest', 'list'], { signal });
  const withUplink = new Set(zones.filter(({ uplink, masquerade }) => uplink && !masquerade).map(({ name }) => name));
  await routeGuests(
    guests.map(({ status }) => ({
      addresses: status.nics.flatMap(({ addresses }) => addresses),
      hasUplink: status.nics.some(({ zone }) => withUplink.has(zone)),
    })),
  );
  say('Checking the filtering between all of them …');
  const check = await ask<ZoneCheck>(['zone', 'check'], { signal, okCodes: [0, 1], progress: output });
  return makeReport({ api: `http://${daemon.address}/v1`, token: `${demo.dataDirectory}/api-token`, guests, check });
}

function untilLeft(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const alive = setInterval(() => {}, 3_600_000); // a signal handler alone does not keep the process
  leaving.signal.addEventListener('abort', () => {
    clearInterval(alive);
    resolve();
  });
  if (leaving.signal.aborted) resolve();
  return promise;
}

/** True when all went well. */
async function main(): Promise<boolean> {
  const earlier = await meetEarlierDemo(say);
  let report: DemoReport | undefined;
  let failure: unknown;
  try {
    report = await showDemo(earlier);
    if (!values.json) for (const line of ['', ...renderReport(report), '']) say(line);
    say(
      `Everything stands after ${formatDuration(performance.now() - startedAt)}.${values.exit ? '' : ' Ctrl-C leaves and takes it all away.'}`,
    );
    if (values.json && !values.exit) printReport(report);
    if (!values.exit) await untilLeft();
  } catch (error) {
    failure = error;
    const log = isAlive(helper) ? '' : logTail(); // while the daemon lives, whoever asked it was told why
    if (!leaving.signal.aborted) say(`The demo failed: ${describeError(error)}${log === '' ? '' : `\nThe daemon said last:\n${log}`}`);
  }
  await leave(helper, output, say);
  const left = listDemoTraces();
  if (left.length > 0) say(`Left behind:\n${left.map((trace) => `  ${trace}`).join('\n')}`);
  else say('Nothing is left behind but the cache in /var/cache/caisson, which makes the next start fast.');
  const problems = [
    ...(failure === undefined ? [] : [describeError(failure)]),
    ...(report?.problems ?? []),
    ...left.map((trace) => `left behind: ${trace}`),
  ];
  if (values.json && (values.exit || !report)) {
    printReport({ ...(report ?? { api: '', token: '', guests: [], checks: [], control: null }), ok: problems.length === 0, problems });
  }
  return problems.length === 0;
}

function printReport(report: DemoReport): void {
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

try {
  const ok = await main();
  // Having been told to leave is how a demo that stays ends well.
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  say(`The demo cannot start: ${describeError(error)}`);
  process.exitCode = 1;
}
