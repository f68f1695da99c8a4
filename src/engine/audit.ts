// The audit: gathers what can be seen of the site now, from the kernel, from inside the guests, from the last check, and has it judged.
// It changes nothing. Those who ask while one is being made get that one.
import { CaissonError, describeError } from '../lib/errors.ts';
import type { Audit, AuditZone, LastCheck } from '../model/audit.ts';
import { describeWholeFlow } from '../model/flow.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import { type NetworkState, uplinkDevice } from '../model/network-state.ts';
import type { ZoneCheck, ZoneCheckLine } from '../model/zone-check.ts';
import { asTheFlowsSay } from '../model/zone-check-line.ts';
import { judgeSite } from '../plan/audit.ts';
import type { AuditEvidence, AuditGuest, AuditPublication, FoundSocket, GuestSockets } from '../plan/audit/evidence.ts';
import { parseSockets } from '../plan/audit/parse-sockets.ts';
import type { GuestAgent } from '../drivers/hypervisor.ts';
import type { GuestBoard } from './guest-board.ts';
import type { NetworkReconciler } from './network.ts';
import type { EngineParts } from './parts.ts';
import type { SiteStore } from './site-store.ts';

/** The kernel's tables of sockets in a guest; a guest without IPv6 lacks the last two. */
const tables = [
  { protocol: 'tcp', path: '/proc/net/tcp', always: true },
  { protocol: 'udp', path: '/proc/net/udp', always: true },
  { protocol: 'tcp', path: '/proc/net/tcp6', always: false },
  { protocol: 'udp', path: '/proc/net/udp6', always: false },
] as const;
const maxTableBytes = 256 * 1024;
/** For an agent to answer at all, and for each table. */
const agentTimeoutMs = 3000;
const readTimeoutMs = 5000;
/** Named in the audit; the check itself tells all. */
const maxLines = 50;

interface Wiring {
  parts: EngineParts;
  site: SiteStore;
  board: GuestBoard;
  network: NetworkReconciler;
  lastCheck: () => ZoneCheck | undefined;
}

export class Auditor {
  readonly #w: Wiring;
  #running: Promise<Audit> | undefined;

  constructor(wiring: Wiring) {
    this.#w = wiring;
  }

  run(): Promise<Audit> {
    this.#running ??= this.#audit().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #audit(): Promise<Audit> {
    const { parts, site, network, lastCheck } = this.#w;
    if (!site.isDefined) throw new CaissonError('not-found', 'there is no site to audit; “caisson apply SITE.yaml” makes one');
    const state = network.wanted();
    const records = [...site.guests.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const guests = records.map((record) => this.#guest(record, state));
    const [facts, isolation, sockets] = await Promise.all([
      parts.hypervisor.facts(),
      parts.hypervisor.isolation().catch((error: unknown) => ({ unseen: describeError(error) })),
      this.#sockets(guests),
    ]);
    const check = lastCheck();
    return judgeSite({
      site: site.name,
      revision: site.revision,
      timezone: site.site().timezone,
      now: parts.clock.now(),
      host: { name: parts.host.name, version: parts.host.version, qemuVersion: facts.version, accelerator: facts.accelerator },
      zones: zonesOf(state, guests),
      guests,
      flows: site.flows.map((flow) => ({ ...flow, text: describeWholeFlow(flow) })),
      publications: publicationsOf(state),
      isolation,
      sockets,
      networkProblem: network.problem,
      otherTables: network.otherTables,
      ...(check ? { lastCheck: summary(check) } : {}),
    });
  }

  #guest({ uid, name, userId, spec }: GuestRecord, { nics }: NetworkState): AuditGuest {
    const { power } = this.#w.board.get(uid);
    const own = nics.filter((nic) => nic.guest === uid);
    return {
      uid,
      name,
      userId,
      running: power !== 'stopped' && power !== 'crashed',
      zones: [...new Set(own.map((nic) => nic.zone))],
      labels: spec.labels,
      addresses: own.flatMap((nic) => nic.addresses),
      declared: spec.service?.ports ?? [],
    };
  }

  async #sockets(guests: readonly AuditGuest[]): Promise<AuditEvidence['sockets']> {
    const { hypervisor } = this.#w.parts;
    const found = guests
      .filter((guest) => guest.running)
      .map(async ({ uid, name }): Promise<[string, GuestSockets]> => {
        try {
          return [name, { sockets: await readSockets(hypervisor.agent(uid)) }];
        } catch (error) {
          return [name, { unseen: describeError(error) }];
        }
      });
    return new Map(await Promise.all(found));
  }
}

function zonesOf({ zones }: NetworkState, guests: readonly AuditGuest[]): AuditZone[] {
  return zones.map(({ name, subnets, uplink, masquerade = false, bridged = false }) => ({
    name,
    subnets,
    ...(uplink ? { uplink: uplinkDevice(uplink) } : {}),
    masquerade,
    bridged,
    guests: guests.filter((guest) => guest.zones.includes(name)).map((guest) => guest.name),
  }));
}

function publicationsOf({ publications, nics }: NetworkState): AuditPublication[] {
  return publications.flatMap(({ protocol, ports, to, from, text }) => {
    const nic = nics.find((each) => each.addresses.includes(to.address));
    const own = { from: to.port, to: to.port + ports.to - ports.from };
    return nic ? [{ guest: nic.guestName, protocol, ports: own, from, text }] : [];
  });
}

async function readSockets(agent: GuestAgent): Promise<FoundSocket[]> {
  await agent.ping(agentTimeoutMs);
  const found: FoundSocket[] = [];
  for (const { protocol, path, always } of tables) {
    try {
      const { content, complete } = await agent.readFile(path, { maxBytes: maxTableBytes, timeoutMs: readTimeoutMs });
      found.push(...parseSockets(protocol, content.toString('latin1'), complete));
    } catch (error) {
      // Only “there is no such file” is an answer.
      if (always || !(error instanceof CaissonError && error.code === 'failed')) throw error;
    }
  }
  return found;
}

function summary({ ok, checkedAt, checks, control, untried, rules, withoutRules, rulesOnly }: ZoneCheck): LastCheck {
  const describe = ({ from, to, port, expected, got }: ZoneCheckLine) => `${from} → ${to} ${port}: ${got} (≠ ${expected})`;
  const different = checks.filter((line) => !asTheFlowsSay(line));
  const wrong = different.filter(({ got }) => got !== 'unknown').map(describe);
  const untold = different.filter(({ got }) => got === 'unknown').map(describe);
  const inRules = (rules?.differences ?? []).map((difference) => ({
    isUndecided: difference.decided === 'undecided',
    text: `${difference.from} → ${difference.to} ${difference.ports}: ${difference.decided} (≠ ${difference.expected}), ${difference.rule ?? difference.why}`,
  }));
  const decidedWrong = inRules.filter(({ isUndecided }) => !isUndecided).map(({ text }) => text);
  const notDecided = [
    ...(withoutRules === undefined ? [] : [withoutRules]),
    ...inRules.filter(({ isUndecided }) => isUndecided).map(({ text }) => text),
  ];
  const isBlind = control !== undefined && !control.sawItOpen;
  const staysOpen = control !== undefined && !control.sawItClosedAgain;
  return {
    ok,
    checkedAt,
    attempts: checks.length,
    ...(rules && { decided: rules.trials }),
    ...(rulesOnly === true && { rulesOnly }),
    differences: [...(staysOpen ? ['control: not closed again'] : []), ...decidedWrong, ...wrong].slice(0, maxLines),
    untold: [
      ...(isBlind ? ['control: not seen open'] : []),
      ...notDecided,
      ...untried.map(({ from, why }) => `${from}: ${why}`),
      ...untold,
    ].slice(0, maxLines),
  };
}
