// The guests' network by nftables, routes and dnsmasq. Everything is rendered before anything changes; rules come first and are one
// transaction; what follows them is repeated until it holds. When a later step fails the rules of before are put back.
import { CaissonError } from '../../lib/errors.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import { type Log, silentLog } from '../../lib/log.ts';
import { Undo } from '../../lib/undo.ts';
import { cidrContains, familyOf } from '../../model/address.ts';
import type { NetworkHelper } from '../../model/network-helper.ts';
import type { NetworkNic, NetworkState, NetworkZone } from '../../model/network-state.ts';
import type { Network, NetworkObservation } from '../network.ts';
import { type DnsmasqTexts, renderDnsmasq } from './render-dnsmasq.ts';
import { type RenderedRules, renderRules, routerLinkLocal } from './render-rules.ts';
import { explainDifference, fingerprintRules } from './rules-in-force.ts';
import { checkCidr } from './safe-text.ts';

export interface NftablesNetworkOptions {
  helper: NetworkHelper;
  /** Addresses asked for names that are not the site's; without any such questions are refused. */
  resolvers?: readonly string[];
  log?: Log;
  /** Says what somebody else has changed; without it everything is read at every look. */
  changes?: (listener: (what: 'rules' | 'links') => void) => () => void;
}

type NicArgs = Parameters<NetworkHelper['nicUp']>[0];
type ZonesArgs = Parameters<NetworkHelper['zonesApply']>[0];

interface Wanted {
  rules: RenderedRules;
  zones: ZonesArgs['zones'];
  names: DnsmasqTexts;
  nics: Map<string, NicArgs>;
}

interface InForce extends RenderedRules {
  /** Of the table without the elements of its sets: cheap to ask, whatever the number of guests. */
  terse: string | undefined;
  /** Of the whole table; read beside what goes on, because it takes long with many guests. */
  whole: Promise<string | undefined>;
  /** Somebody has changed them. */
  spoilt: boolean;
}

const mtu = 1500;
/** Rules and interfaces are read again after this long though no change was heard of. */
const trustMs = 60_000;

export function createNftablesNetwork(options: NftablesNetworkOptions): Network {
  return new NftablesNetwork(options);
}

class NftablesNetwork implements Network {
  readonly #helper: NetworkHelper;
  readonly #resolvers: readonly string[];
  readonly #log: Log;
  readonly #lock = new KeyedLock();
  #rules: InForce | undefined;
  #nics = new Map<string, NicArgs>();
  /** What dnsmasq was started with, and each nic connected with; absent where that is not known. */
  #names: DnsmasqTexts | undefined;
  #connected = new Map<string, string>();
  /** What was found at the last look; absent when something may have changed since. */
  #rulesSeen: { at: number; why: string | undefined } | undefined;
  #tapsSeen: { at: number; taps: string[] } | undefined;
  readonly #hearsChanges: boolean;
  readonly #heard = { rules: 0, links: 0 };
  readonly #listeners = new Set<() => void>();

  constructor({ helper, resolvers = [], log = silentLog, changes }: NftablesNetworkOptions) {
    this.#helper = helper;
    this.#resolvers = resolvers;
    this.#log = log;
    this.#hearsChanges = changes !== undefined;
    changes?.((what) => {
      this.#heard[what]++;
      if (what === 'rules') this.#rulesSeen = undefined;
      else this.#tapsSeen = undefined;
      for (const listener of this.#listeners) listener();
    });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  apply(state: NetworkState): Promise<void> {
    return this.#lock.with('network', async () => {
      const wanted = this.#render(state);
      const undo = new Undo();
      try {
        await this.#applyRules(wanted.rules, undo);
        await this.#applyZones(wanted);
        await this.#applyNames(wanted.names);
      } catch (error) {
        for (const failure of await undo.rollBack()) this.#log.error(failure);
        throw error;
      }
      this.#nics = wanted.nics;
    });
  }

  connect(tap: string): Promise<void> {
    return this.#lock.with('network', async () => {
      const nic = this.#nics.get(tap);
      const rules = this.#rules;
      if (!nic || !rules) throw new CaissonError('not-allowed', `${tap} cannot be connected: the network in force has no rules for it`);
      const why = await this.#explainTerse(rules);
      if (why) throw new CaissonError('not-allowed', `${tap} cannot be connected: ${why}; apply the network again`);
      await this.#nicUp(nic);
    });
  }

  disconnect(tap: string): Promise<void> {
    return this.#lock.with('network', async () => {
      const nic = this.#nics.get(tap);
      this.#connected.delete(tap);
      this.#tapsSeen = undefined;
      const uid = nic?.uid ?? tap.slice(2, -1);
      await this.#helper.nicDown({ uid, tap, guestAddresses: nic?.guestAddresses ?? [], ...(nic?.uplink && { uplink: nic.uplink }) });
    });
  }

  observe(): Promise<NetworkObservation> {
    return this.#lock.with('network', async () => {
      const now = performance.now();
      const trusts = await this.#isHearing();
      const rules = trusts && isFresh(this.#rulesSeen, now) ? this.#rulesSeen : await this.#lookAtRules(now);
      const links = trusts && isFresh(this.#tapsSeen, now) ? this.#tapsSeen : await this.#lookAtTaps(now);
      const { running } = await this.#helper.dnsmasqStatus({});
      return {
        rules: rules.why === undefined ? { inForce: true } : { inForce: false, why: rules.why },
        taps: links.taps,
        names: { running },
      };
    });
  }

  remove(): Promise<void> {
    return this.#lock.with('network', async () => {
      this.#rules = undefined;
      this.#names = undefined;
      this.#rulesSeen = undefined;
      this.#tapsSeen = undefined;
      this.#nics = new Map();
      this.#connected = new Map();
      await this.#helper.networkRemove({});
    });
  }

  async #nicUp(nic: NicArgs): Promise<void> {
    this.#tapsSeen = undefined;
    await this.#helper.nicUp(nic);
    this.#connected.set(nic.tap, JSON.stringify(nic));
  }

  #render(state: NetworkState): Wanted {
    const zones = new Map(state.zones.map((zone) => [zone.name, zone]));
    return {
      rules: renderRules(state),
      names: renderDnsmasq(state, this.#resolvers),
      zones: state.zones.map(({ subnets, uplink }) => ({ subnets, ...(uplink && { uplink }) })),
      nics: new Map(state.nics.map((nic) => [nic.tap, nicArgs(nic, zones.get(nic.zone))])),
    };
  }

  /** Whether every change since the last look would have been heard of. */
  async #isHearing(): Promise<boolean> {
    if (!this.#hearsChanges) return false;
    try {
      await this.#helper.changesWatch({});
      return true;
    } catch (error) {
      this.#log.warn('changes of the network are not heard of; it is read again and again', { error });
      return false;
    }
  }

  async #lookAtRules(at: number): Promise<{ at: number; why: string | undefined }> {
    const heard = this.#heard.rules;
    const seen = { at, why: await this.#explainRules() };
    if (heard === this.#heard.rules) this.#rulesSeen = seen;
    return seen;
  }

  async #lookAtTaps(at: number): Promise<{ at: number; taps: string[] }> {
    const heard = this.#heard.links;
    const { taps } = await this.#helper.linksRead({});
    const up = taps.filter((tap) => tap.up).map(({ name }) => name);
    const seen = { at, taps: up.toSorted() };
    if (heard === this.#heard.links) this.#tapsSeen = seen;
    return seen;
  }

  async #explainRules(): Promise<string | undefined> {
    const rules = this.#rules;
    if (!rules) return 'no rules have been applied yet';
    const fingerprint = await rules.whole;
    if (rules.spoilt) return 'somebody changed the rules while they were applied';
    const { json } = await this.#helper.rulesRead({});
    const why = explainDifference(json, { stateChain: rules.stateChain, fingerprint });
    if (why) rules.spoilt = true;
    return why;
  }

  async #explainTerse({ stateChain, terse }: InForce): Promise<string | undefined> {
    const { json } = await this.#helper.rulesRead({ terse: true });
    return explainDifference(json, { stateChain, fingerprint: terse });
  }

  async #applyRules(rules: RenderedRules, undo: Undo): Promise<void> {
    const before = this.#rules;
    if (before?.text === rules.text && !before.spoilt && (await this.#explainTerse(before)) === undefined) return;
    await this.#put(rules);
    if (!before || before.text === rules.text) return;
    undo.push('the rules', async () => {
      await this.#put(before);
    });
  }

  async #put(rules: RenderedRules): Promise<void> {
    this.#rulesSeen = undefined;
    await this.#isHearing();
    const heard = this.#heard.rules;
    await this.#helper.rulesApply({ table: rules.text });
    const inForce = await this.#readBack(rules);
    this.#rules = inForce;
    const seen = { at: performance.now(), why: undefined };
    if (heard === this.#heard.rules) this.#rulesSeen = seen;
    // What somebody changed before the whole could be read is not to be taken for ours.
    void inForce.whole.then(() => {
      if (heard === this.#heard.rules) return;
      inForce.spoilt = true;
      for (const listener of this.#listeners) listener();
    });
  }

  async #readBack({ stateChain, text }: RenderedRules): Promise<InForce> {
    const { json } = await this.#helper.rulesRead({ terse: true });
    const terse = fingerprintRules(json);
    if (terse === undefined || !json?.includes(`"${stateChain}"`)) {
      throw new CaissonError('failed', 'the rules are not in the kernel although it accepted them: does another program replace them?');
    }
    const whole = this.#helper.rulesRead({}).then(
      (read) => fingerprintRules(read.json),
      () => undefined,
    );
    return { stateChain, text, terse, whole, spoilt: false };
  }

  /** Routes and uplinks, and again every nic that is up and should be otherwise. */
  async #applyZones({ zones, nics }: Wanted): Promise<void> {
    const { taps } = await this.#helper.linksRead({});
    const up = taps.flatMap(({ name, up: isUp }) => (isUp && nics.has(name) ? [nics.get(name) as NicArgs] : []));
    const proxied = up.flatMap(({ uplink, guestAddresses }) =>
      uplink === undefined ? [] : guestAddresses.map((address) => ({ interface: uplink, address })),
    );
    await this.#helper.zonesApply({ zones, proxied });
    for (const nic of up) {
      const text = JSON.stringify(nic);
      if (this.#connected.get(nic.tap) === text) continue;
      await this.#nicUp(nic);
    }
  }

  async #applyNames(names: DnsmasqTexts): Promise<void> {
    const before = this.#names;
    this.#names = undefined;
    const { running } = await this.#helper.dnsmasqStatus({});
    if (!running || before?.config !== names.config) await this.#helper.dnsmasqStart({ ...names });
    else if (before.dhcpHosts !== names.dhcpHosts || before.names !== names.names) {
      await this.#helper.dnsmasqReload({ dhcpHosts: names.dhcpHosts, names: names.names });
    }
    this.#names = names;
  }
}

function isFresh<T extends { at: number }>(seen: T | undefined, now: number): seen is T {
  return seen !== undefined && now - seen.at < trustMs;
}

function nicArgs(nic: NetworkNic, zone: NetworkZone | undefined): NicArgs {
  if (!zone) throw new CaissonError('invalid', `nic ${nic.tap} is in zone ${JSON.stringify(nic.zone)}, which the network does not have`);
  const subnets = zone.subnets.map(checkCidr);
  const hostAddresses = zone.hostAddresses.map((address) => {
    const subnet = subnets.find((candidate) => cidrContains(candidate, address));
    return `${address}/${subnet?.prefixLength ?? (familyOf(address) === 4 ? 32 : 128)}`;
  });
  const hasIpv6 = subnets.some(({ family }) => family === 6);
  return {
    uid: nic.guest,
    tap: nic.tap,
    mtu,
    hostAddresses: [...new Set(hasIpv6 ? [...hostAddresses, `${routerLinkLocal}/64`] : hostAddresses)],
    guestAddresses: nic.addresses,
    ...(zone.uplink && { uplink: zone.uplink.interface }),
  };
}
