// The proof of the filtering: tries every ordered pair of world and guests on every declared port and some others, and compares with
// what the site's flows say. It proves itself by a control: with one flow opened on purpose, it must see that one open, and closed again.
import { CaissonError, describeError } from '../lib/errors.ts';
import { parseProbeOutput, probeInput, probeScript } from '../lib/probe-script.ts';
import { familyOf } from '../model/address.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { NetworkState } from '../model/network-state.ts';
import { parsePortRange } from '../model/service.ts';
import type { ZoneCheck, ZoneCheckLine } from '../model/zone-check.ts';
import { isAllowed } from '../plan/reachability.ts';
import type { ProbeTarget } from '../drivers/prober.ts';
import type { Events } from './events.ts';
import type { GuestBoard } from './guest-board.ts';
import type { StepContext } from './job-context.ts';
import type { NetworkReconciler } from './network.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

/** Tried on every guest beside the declared ports: what people forget, and one that nobody uses. */
export const usualPorts = ['tcp/22', 'tcp/80', 'tcp/443', 'tcp/3306', 'udp/53', 'tcp/47808'];
const waitSeconds = 3;

interface Target extends ProbeTarget {
  to: string;
}

interface Wiring {
  parts: EngineParts;
  site: SiteStore;
  board: GuestBoard;
  events: Events;
  network: NetworkReconciler;
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

  async run(options: { control: boolean; extraPorts: readonly string[] }, job: StepContext): Promise<ZoneCheck> {
    const { network, site, board } = this.#w;
    const state = await network.ensure();
    const running = [...site.guests.values()]
      .filter(({ uid }) => board.get(uid).power === 'running')
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const targets = targetsOf(running, options.extraPorts);
    const sources = [...(this.#hasWorld(state) ? ['world'] : []), ...running.map((record) => record.name)];
    let done = 0;
    const lines = await Promise.all(
      sources.map((source) =>
        job.step(`from ${source}`, async () => {
          const found = await this.#from(
            source,
            targets.filter((target) => target.to !== source),
            state,
          );
          job.progress(++done / (sources.length + 1), `${found.length} attempts from ${source}`);
          return found;
        }),
      ),
    );
    const checks = lines.flat();
    const control = options.control ? await job.step('control', () => this.#control(checks, targets, state)) : undefined;
    const ok =
      checks.every((line) => line.got === line.expected || (line.got === 'unknown' && line.port.startsWith('udp/'))) &&
      (!control || (control.sawItOpen && control.sawItClosedAgain));
    this.#last = { ok, checkedAt: board.now(), checks, ...(control ? { control } : {}) };
    const wrong = checks.filter((line) => line.got !== line.expected).length;
    this.#w.events.emit({
      kind: 'zone-checked',
      severity: ok ? 'info' : 'error',
      message: `the filtering was checked: ${checks.length} attempts, ${ok ? 'all as the flows say' : `${wrong} not as the flows say`}`,
    });
    return this.#last;
  }

  /** The world can be tried only where the guests' network is apart from the host's own, which then lies beyond the uplink. */
  #hasWorld(state: NetworkState): boolean {
    return this.#w.parts.host.netns !== undefined && state.zones.some((zone) => zone.uplink);
  }

  async #from(source: string, targets: readonly Target[], state: NetworkState): Promise<ZoneCheckLine[]> {
    let results: { got: ZoneCheckLine['got']; source: string; detail: string }[];
    try {
      results = source === 'world' ? await this.#w.parts.prober.reachFromWorld(targets) : await this.#fromGuest(source, targets);
    } catch (error) {
      const detail = describeError(error);
      results = targets.map(() => ({ got: 'unknown', source: '', detail }));
    }
    return targets.map((target, index): ZoneCheckLine => {
      const result = results[index] ?? { got: 'unknown', source: '', detail: 'no result' };
      const expected = this.#expect(source, result.source, target, state) ? 'open' : 'refused';
      // A datagram that is allowed need not be answered: silence proves nothing then.
      const silent = target.protocol === 'udp' && expected === 'open' && result.got === 'refused' && result.detail === 'no answer';
      return {
        from: source,
        to: target.to,
        address: target.address,
        port: `${target.protocol}/${target.port}`,
        expected,
        got: silent ? 'unknown' : result.got,
        detail: result.detail,
      };
    });
  }

  async #fromGuest(name: string, targets: readonly Target[]): Promise<{ got: ZoneCheckLine['got']; source: string; detail: string }[]> {
    const { site, parts } = this.#w;
    const agent = parts.hypervisor.agent(site.guest(name).uid);
    const { code, stdout, stderr } = await agent.exec(['/usr/bin/perl', '-e', probeScript, String(waitSeconds)], {
      timeoutMs: 60_000,
      stdin: probeInput(targets),
    });
    if (code !== 0) throw new CaissonError('failed', `the probe in guest ${name} failed (exit ${code}): ${stderr.slice(0, 200)}`);
    return parseProbeOutput(stdout, targets.length);
  }

  #expect(source: string, sourceAddress: string, target: Target, state: NetworkState): boolean {
    const kind = source === 'world' ? 'world' : 'guest';
    const address =
      sourceAddress && familyOf(sourceAddress) === familyOf(target.address)
        ? sourceAddress
        : this.#usualAddress(source, target.address, state);
    if (address === undefined) return false;
    return isAllowed(state, { from: { kind, address }, to: { address: target.address }, protocol: target.protocol, port: target.port })
      .allowed;
  }

  #usualAddress(source: string, target: string, state: NetworkState): string | undefined {
    const family = familyOf(target);
    if (source === 'world') {
      const gateway = state.zones
        .flatMap((zone) => [zone.uplink?.gateway, zone.uplink?.gateway6])
        .find((candidate) => candidate !== undefined && familyOf(candidate) === family);
      return gateway ?? (family === 4 ? '198.51.100.1' : '2001:db8:ffff::1');
    }
    return this.#w.site.guest(source).addresses.find((candidate) => familyOf(candidate) === family);
  }

  /** Opens a refused way, looks, closes it, looks again. */
  async #control(lines: readonly ZoneCheckLine[], targets: readonly Target[], state: NetworkState): Promise<ZoneCheck['control']> {
    const line =
      lines.find(
        (candidate) =>
          candidate.expected === 'refused' &&
          candidate.got === 'refused' &&
          candidate.port.startsWith('tcp/') &&
          candidate.from !== 'world',
      ) ?? lines.find((candidate) => candidate.expected === 'refused' && candidate.got === 'refused' && candidate.port.startsWith('tcp/'));
    if (!line) return undefined;
    const target = targets.find(
      (candidate) =>
        candidate.to === line.to && candidate.address === line.address && `${candidate.protocol}/${candidate.port}` === line.port,
    ) as Target;
    const opened = withControlFlow(state, line, this.#w.site);
    const look = async () => (await this.#from(line.from, [target], state))[0]?.got;
    const sawItOpen = await this.#w.network.withState(opened, async () => (await look()) === 'open');
    const sawItClosedAgain = (await look()) === 'refused';
    return { from: line.from, to: line.to, port: line.port, sawItOpen, sawItClosedAgain };
  }
}

function withControlFlow(state: NetworkState, line: ZoneCheckLine, site: SiteStore): NetworkState {
  const port = parsePortRange(line.port);
  const host = (address: string) => `${address}/${familyOf(address) === 4 ? 32 : 128}`;
  const from =
    line.from === 'world'
      ? ({ kind: 'world' } as const)
      : ({ kind: 'addresses', cidrs: site.guest(line.from).addresses.map(host) } as const);
  return {
    ...state,
    flows: [
      ...state.flows,
      {
        from,
        to: { kind: 'addresses', cidrs: [host(line.address)] },
        services: [{ protocol: 'tcp', ports: port?.ports ?? { from: 0, to: 65_535 } }],
        text: 'control of the filtering check',
      },
    ],
  };
}

/** Each guest's first address of each family, on its declared ports and those that somebody might have forgotten. */
function targetsOf(guests: readonly GuestRecord[], extraPorts: readonly string[]): Target[] {
  const everywhere = [...usualPorts, ...extraPorts, ...guests.flatMap((guest) => guest.spec.service?.ports ?? [])];
  const ports = [...new Set(everywhere)].flatMap((text) => {
    const range = parsePortRange(text);
    // Of a range both ends are tried.
    return range?.ports && range.protocol !== 'icmp'
      ? [...new Set([range.ports.from, range.ports.to])].map((port) => ({ protocol: range.protocol as 'tcp' | 'udp', port }))
      : [];
  });
  const unique = [...new Map(ports.map((port) => [`${port.protocol}/${port.port}`, port])).values()];
  return guests.flatMap((guest) => {
    const addresses = ([4, 6] as const).flatMap((family) => guest.addresses.find((address) => familyOf(address) === family) ?? []);
    return addresses.flatMap((address) => unique.map((port) => ({ to: guest.name, address, ...port })));
  });
}
