// The proof of the filtering: what the rules in force are decided to do, and then what happens, by trying it: from the world, from every guest with an agent and from a probe plugged into each zone, to
// each other, to the host and to the world, on every declared port and some others, in both families; compared with what the site's flows
// say. It proves itself by a control: with one flow opened on purpose, it must see that one open, and closed again.
import { CaissonError, describeError } from '../lib/errors.ts';
import { parseProbeOutput, probeInput, probeScript } from '../lib/probe-script.ts';
import { canonicalAddress, familyOf } from '../model/address.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import { type NetworkState, uplinkDevice } from '../model/network-state.ts';
import type { ZoneCheck, ZoneCheckLine } from '../model/zone-check.ts';
import { asTheFlowsSay, silent } from '../model/zone-check-line.ts';
import { controlFlow, isExpectedOpen } from '../plan/check-expectation.ts';
import { type CheckEnd, type CheckTarget, planTargets } from '../plan/check-targets.ts';
import type { ProbeTarget, ReachResult } from '../drivers/prober.ts';
import type { Events } from './events.ts';
import type { GuestBoard } from './guest-board.ts';
import type { StepContext } from './job-context.ts';
import type { NetworkReconciler } from './network.ts';
import type { EngineParts } from './parts.ts';
import { checkRulesInForce } from './rules-check.ts';
import type { SiteStore } from './site-store.ts';
import { type Plugged, withProbes } from './zone-probes.ts';

const waitSeconds = 3;
/** An agent that has not said a word by then is none. */
const pingMs = 5000;
/** For a program that waits three seconds, in a guest that may be busy with other things; the second time for one that was. */
const execMs = [15_000, 60_000] as const;
/** How often a way is tried again that was open and should not be. */
const timesForLeak = 20;
/** Each attempt is an open socket, of which a guest's agent has 1,024. */
const atOnce = 400;
/**
 * Of guests, probes and the world, one for each processor within these bounds. More would only wait for the processors, and what they open is
 * work for the guests that they reach: a server that takes up a dozen sessions at once keeps its own agent waiting.
 */
const sourcesAtOnce = { least: 2, most: 8 };

export interface CheckOptions {
  control: boolean;
  extraPorts: readonly string[];
  /** Nothing is tried. */
  rulesOnly: boolean;
}

interface Wiring {
  parts: EngineParts;
  site: SiteStore;
  board: GuestBoard;
  events: Events;
  network: NetworkReconciler;
}

/** A place that can be tried from. */
interface Source {
  name: string;
  /** Of a guest or a probe; absent: the world. */
  addresses?: readonly string[];
  reach(targets: readonly ProbeTarget[]): Promise<ReachResult[]>;
  /** What cannot be tried from it is a defect of ours, not the guest's choice. */
  isOurs: boolean;
}

interface Found {
  checks: ZoneCheckLine[];
  untried: ZoneCheck['untried'];
}

export class ZoneChecker {
  readonly #w: Wiring;
  #last: ZoneCheck | undefined;

  constructor(wiring: Wiring) {
    this.#w = wiring;
  }

  get lastOrNone(): ZoneCheck | undefined {
    return this.#last;
  }

  get last(): ZoneCheck {
    if (!this.#last)
      throw new CaissonError('not-found', 'the filtering has not been checked since the daemon started; “caisson zone check” does it');
    return this.#last;
  }

  async run(options: CheckOptions, job: StepContext): Promise<ZoneCheck> {
    const { board, network, events } = this.#w;
    const decided = await job.step('rules in force', (step) => checkRulesInForce({ network, now: () => board.now() }, step));
    const tried = options.rulesOnly
      ? { rulesOnly: true, checks: [], untried: [] }
      : await withProbes(this.#w, await network.ensure(), (plugged) => this.#tryAll(plugged, options, job));
    this.#last = { ok: false, checkedAt: board.now(), ...decided, ...tried };
    this.#last.ok = isProved(this.#last);
    const { ok } = this.#last;
    events.emit({
      kind: 'zone-checked',
      severity: ok ? 'info' : 'error',
      message: `the filtering was checked: ${describeCheck(this.#last)}`,
    });
    return this.#last;
  }

  async #tryAll({ probes, without }: Plugged, options: CheckOptions, job: StepContext): Promise<Found & Pick<ZoneCheck, 'control'>> {
    const { network, parts } = this.#w;
    const state = network.wanted();
    const running = this.#running();
    const sources: Source[] = [
      ...(this.#hasWorld(state) ? [this.#worldSource(state)] : []),
      ...probes.map(({ zone, nic, probe }): Source => {
        return { name: probeName(zone), addresses: nic.addresses, reach: (targets) => probe.reach(targets), isOurs: true };
      }),
      ...running.map((record) => this.#guestSource(record, state)),
    ];
    const ends: CheckEnd[] = [
      ...running.map(({ name, uid, spec }) => {
        return { name, nics: state.nics.filter((nic) => nic.guest === uid), ports: spec.service?.ports ?? [] };
      }),
      ...probes.map(({ zone, nic }) => ({ name: probeName(zone), nics: [nic], ports: [] })),
    ];
    const world = this.#hasWorld(state) ? await this.#worldAddresses(state) : [];
    const own = parts.prober.ownAddresses().flatMap((address) => canonicalAddress(address) ?? []);
    const targetsFrom = planTargets({ state, ends, world, own, extraPorts: options.extraPorts });
    let done = 0;
    const found = await inTurns(Math.min(sourcesAtOnce.most, Math.max(sourcesAtOnce.least, parts.host.cpus)), sources, (source) =>
      job.step(`from ${source.name}`, async (): Promise<Found> => {
        const one = await this.#tryFrom(source, targetsFrom(source.name), state);
        job.progress(++done / (sources.length + 1), `${one.checks.length} attempts from ${source.name}`);
        return one;
      }),
    );
    const checks = found.flatMap((one) => one.checks);
    const control = options.control ? await job.step('control', () => this.#control(checks, sources, state)) : undefined;
    const withoutProbe = without.map(({ zone, why }) => ({ from: probeName(zone), why }));
    return { checks, untried: [...withoutProbe, ...found.flatMap((one) => one.untried)], ...(control ? { control } : {}) };
  }

  /**
   * Twice, where a way that should be open was not: a busy guest may have been late, or the site has been changed meanwhile. One that should be
   * refused and was open is tried many times more: that it was open once is told in any case, and it counts when it is open again.
   */
  async #tryFrom(source: Source, targets: readonly CheckTarget[], state: NetworkState): Promise<Found> {
    try {
      const checks = await attempt(source, targets, state);
      const now = this.#w.network.wanted();
      const hasChanged = JSON.stringify(now) !== JSON.stringify(state);
      const again = checks.flatMap((line, index) => {
        if (line === undefined || asTheFlowsSay(line)) return [];
        const isLeak = line.got === 'open';
        return [{ index, isLeak, times: isLeak && !hasChanged ? timesForLeak : 1, target: targets[index] as CheckTarget }];
      });
      const seconds = await attempt(
        source,
        again.flatMap(({ target, times }) => Array<CheckTarget>(times).fill(target)),
        now,
      );
      let at = 0;
      for (const { index, isLeak, times } of again) {
        const lines = seconds.slice(at, (at += times));
        const second = lines.find((line) => line && !asTheFlowsSay(line)) ?? lines[0];
        const isOver = isLeak && second !== undefined && asTheFlowsSay(second);
        checks[index] = isOver ? { ...second, detail: `open once, then ${times} times not: ${second.detail ?? ''}` } : second;
      }
      return { checks: checks.flatMap((line) => line ?? []), untried: [] };
    } catch (error) {
      const detail = describeError(error);
      if (!source.isOurs) return { checks: [], untried: [{ from: source.name, why: detail }] };
      const results = targets.map((): ReachResult => ({ got: 'unknown', source: '', detail }));
      return { checks: targets.flatMap((target, index) => judge(source, target, results[index], state) ?? []), untried: [] };
    }
  }

  #running(): GuestRecord[] {
    const { site, board } = this.#w;
    return [...site.guests.values()].filter(({ uid }) => board.get(uid).power === 'running').toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The world can be tried only where the guests' network is apart from the host's own, which may then lie beyond an uplink. */
  #hasWorld(state: NetworkState): boolean {
    return this.#w.parts.host.netns !== undefined && state.zones.some((zone) => zone.uplink);
  }

  /** What is ours on an uplink's wire: nobody else's machine is tried. One of each family. */
  async #worldAddresses(state: NetworkState): Promise<string[]> {
    const own = (await this.#w.parts.prober.worldAddresses(uplinksOf(state))).flatMap((address) => canonicalAddress(address) ?? []);
    return ([4, 6] as const).flatMap((family) => own.find((address) => familyOf(address) === family) ?? []);
  }

  #worldSource(state: NetworkState): Source {
    const uplinks = uplinksOf(state);
    return { name: 'world', reach: (targets) => this.#w.parts.prober.reachFromWorld(targets, uplinks), isOurs: true };
  }

  #guestSource({ name, uid }: GuestRecord, state: NetworkState): Source {
    const agent = this.#w.parts.hypervisor.agent(uid);
    return {
      name,
      addresses: state.nics.filter((nic) => nic.guest === uid).flatMap((nic) => nic.addresses),
      isOurs: false,
      async reach(targets) {
        await agent.ping(pingMs);
        const argv = ['/usr/bin/perl', '-e', probeScript, String(waitSeconds)];
        const stdin = probeInput(targets);
        const { code, stdout, stderr } = await agent.exec(argv, { timeoutMs: execMs[0], stdin }).catch(async (error: unknown) => {
          if (!(error instanceof CaissonError && error.code === 'timeout')) throw error;
          await agent.ping(pingMs);
          return agent.exec(argv, { timeoutMs: execMs[1], stdin });
        });
        if (code !== 0) throw new CaissonError('failed', `the probe in guest ${name} failed (exit ${code}): ${stderr.slice(0, 200)}`);
        return parseProbeOutput(stdout, targets.length);
      },
    };
  }

  /** Opens a refused way, looks, closes it, looks again. */
  async #control(lines: readonly ZoneCheckLine[], sources: readonly Source[], state: NetworkState): Promise<ZoneCheck['control']> {
    const line = controlLine(lines, sources);
    const source = sources.find(({ name }) => name === line?.from);
    if (!line || !source) return undefined;
    const [protocol, port] = line.port.split('/');
    const target: CheckTarget = { to: line.to, address: line.address, protocol: protocol === 'udp' ? 'udp' : 'tcp', port: Number(port) };
    const look = async () => (await attempt(source, [target], state))[0]?.got;
    const flows = [controlFlow(source, target)];
    const sawItOpen = await this.#w.network.withMore({ nics: [], flows }, async () => (await look()) === 'open');
    const sawItClosedAgain = (await look()) === 'refused';
    return { from: line.from, to: line.to, port: line.port, sawItOpen, sawItClosedAgain };
  }
}

function uplinksOf({ zones }: NetworkState): string[] {
  return [...new Set(zones.flatMap(({ uplink }) => (uplink ? [uplinkDevice(uplink)] : [])))];
}

/** Both parts, each as far as it was asked for and can be done. Nothing decided and nothing tried proves nothing. */
function isProved({ rules, rulesOnly, checks, control }: ZoneCheck): boolean {
  const isDecided = rules === undefined ? rulesOnly !== true : rules.ok;
  const isSeen = !control || (control.sawItOpen && control.sawItClosedAgain);
  return isDecided && (rulesOnly === true || (checks.length > 0 && checks.every(asTheFlowsSay) && isSeen));
}

function describeCheck({ rules, rulesOnly, checks }: ZoneCheck): string {
  const wrong = checks.filter((line) => !asTheFlowsSay(line)).length;
  const differences = rules ? rules.differences.length + rules.moreDifferences : 0;
  const words = (count: number) => (count === 0 ? 'all as the flows say' : `${count} not as the flows say`);
  return [
    ...(rules ? [`${rules.trials} cases decided from the rules in force, ${words(differences)}`] : []),
    ...(rulesOnly ? [] : [`${checks.length} attempts, ${words(wrong)}`]),
  ].join('; ');
}

function probeName(zone: string): string {
  return `zone:${zone}`;
}

/** A refused way that can be opened: from a guest if there is one, else from a probe. */
function controlLine(lines: readonly ZoneCheckLine[], sources: readonly Source[]): ZoneCheckLine | undefined {
  const guests = new Set(sources.flatMap(({ name, isOurs }) => (isOurs ? [] : [name])));
  const candidates = lines.filter(
    ({ expected, got, port, to }) =>
      expected === 'refused' && got === 'refused' && port.startsWith('tcp/') && to !== 'host' && to !== 'world',
  );
  return (
    candidates.find(({ from, to }) => guests.has(from) && guests.has(to)) ??
    candidates.find(({ from }) => from !== 'world') ??
    candidates[0]
  );
}

/** In the order of the targets; undefined where no way leads. */
async function attempt(source: Source, targets: readonly CheckTarget[], state: NetworkState): Promise<(ZoneCheckLine | undefined)[]> {
  const lines: (ZoneCheckLine | undefined)[] = [];
  for (let at = 0; at < targets.length; at += atOnce) {
    const part = targets.slice(at, at + atOnce);
    const results = await source.reach(part);
    lines.push(...part.map((target, index) => judge(source, target, results[index], state)));
  }
  return lines;
}

function judge(source: Source, target: CheckTarget, result: ReachResult | undefined, state: NetworkState): ZoneCheckLine | undefined {
  const { got, source: from, detail } = result ?? { got: 'unknown', source: '', detail: 'no result' };
  if (got === 'no-way') return undefined;
  const { to, address, protocol, port } = target;
  const expected = isExpectedOpen(state, source, from, target) ? 'open' : 'refused';
  const isSilence = got === 'refused' && detail === silent && expected === 'open' && (protocol === 'udp' || to === 'world');
  return { from: source.name, to, address, port: `${protocol}/${port}`, expected, got: isSilence ? 'unknown' : got, detail };
}

/** Does `work` for each, at most `width` at once; results in their order. */
async function inTurns<T, R>(width: number, items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const take = async (): Promise<void> => {
    const at = next++;
    const item = items[at];
    if (item === undefined) return;
    results[at] = await work(item);
    return take();
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, take));
  return results;
}
