// The guests' network by nftables, routes and dnsmasq. Everything is rendered before anything changes; rules come first and are one
// transaction; what follows them is repeated until it holds. When a later step fails the rules of before are put back.
import { CaissonError } from '../../lib/errors.ts';
import { KeyedLock } from '../../lib/keyed-lock.ts';
import { type Log, silentLog } from '../../lib/log.ts';
import { Undo } from '../../lib/undo.ts';
import type { NetworkChange, NetworkHelper, NicUpArgs, ZonesArgs } from '../../model/network-helper.ts';
import type { NetworkState } from '../../model/network-state.ts';
import type { Network, NetworkObservation, RulesRead } from '../network.ts';
import { AppliedRules } from './applied-rules.ts';
import type { DnsmasqTexts } from './render-dnsmasq.ts';
import type { RenderedRules } from './render-rules.ts';
import { type WantedNetwork, nicPlace, renderNetwork } from './wanted-network.ts';

export interface NftablesNetworkOptions {
  helper: NetworkHelper;
  /** Addresses asked for names that are not the site's; without any such questions are refused. */
  resolvers?: readonly string[];
  log?: Log;
  /** Says what somebody else has changed; without it everything is read at every look. */
  changes?: (listener: (what: NetworkChange) => void) => () => void;
}

type Tap = Awaited<ReturnType<NetworkHelper['linksRead']>>['taps'][number];

/** Everything is read again after this long though no change was heard of. */
const trustMs = 60_000;
/** More than the three seconds in which a router can answer. */
const routersTrustMs = 9000;

export function createNftablesNetwork(options: NftablesNetworkOptions): Network {
  return new NftablesNetwork(options);
}

class NftablesNetwork implements Network {
  readonly #helper: NetworkHelper;
  readonly #resolvers: readonly string[];
  readonly #log: Log;
  readonly #lock = new KeyedLock();
  readonly #rules: AppliedRules;
  #wanted: WantedNetwork | undefined;
  /** What dnsmasq was started with, zones applied with, and each nic connected with; absent where that is not known. */
  #names: DnsmasqTexts | undefined;
  #zones: { text: string; at: number; proxied: Set<string> } | undefined;
  #connected = new Map<string, string>();
  /** What was found at the last look; absent when something may have changed since. */
  #rulesSeen: { at: number; why: string | undefined } | undefined;
  #tapsSeen: { at: number; taps: Tap[] } | undefined;
  #routersSeen: { at: number; silent: NetworkObservation['silentRouters'] } | undefined;
  #wiringSeen: { at: number; missing: string[] } | undefined;
  readonly #hearsChanges: boolean;
  readonly #heard = { rules: 0, others: 0, links: 0, wiring: 0 };
  /** How often had been heard of others' tables when they were looked at last. */
  #othersSeen = 0;
  readonly #listeners = new Set<() => void>();

  constructor({ helper, resolvers = [], log = silentLog, changes }: NftablesNetworkOptions) {
    this.#helper = helper;
    this.#resolvers = resolvers;
    this.#log = log;
    this.#hearsChanges = changes !== undefined;
    this.#rules = new AppliedRules({ helper, isHearing: () => this.#isHearing() });
    changes?.((what) => {
      this.#heard[what]++;
      if (what === 'rules') {
        this.#rulesSeen = undefined;
        this.#rules.doubt();
      } else if (what === 'links') this.#tapsSeen = undefined;
      else if (what === 'wiring') this.#wiringSeen = undefined;
      for (const listener of this.#listeners) listener();
    });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  apply(state: NetworkState): Promise<void> {
    return this.#lock.with('network', async () => {
      const wanted = renderNetwork(state, this.#resolvers);
      this.#wiringSeen = undefined;
      const undo = new Undo();
      try {
        await this.#checkZones(wanted);
        await this.#applyRules(wanted.rules, undo);
        await this.#applyZones(wanted);
        await this.#applyNames(wanted.names);
      } catch (error) {
        for (const failure of await undo.rollBack()) this.#log.error(failure);
        throw error;
      }
      this.#wanted = wanted;
    });
  }

  connect(tap: string): Promise<void> {
    return this.#lock.with('network', async () => {
      const nic = this.#wanted?.nics.get(tap);
      if (!nic) throw new CaissonError('not-allowed', `${tap} cannot be connected: the network in force has no rules for it`);
      const why = await this.#rules.explainTerse();
      if (why) throw new CaissonError('not-allowed', `${tap} cannot be connected: ${why}; apply the network again`);
      await this.#nicUp(nic);
    });
  }

  disconnect(tap: string): Promise<void> {
    return this.#lock.with('network', async () => {
      const nic = this.#wanted?.nics.get(tap);
      this.#connected.delete(tap);
      for (const address of nic?.guestAddresses ?? []) this.#zones?.proxied.delete(`${nic?.uplink} ${address}`);
      await this.#helper.nicDown({ uid: nic?.uid ?? tap.slice(2, -1), tap, ...(nic ? nicPlace(nic) : { guestAddresses: [] }) });
      this.#changeTaps((taps) => taps.filter(({ name }) => name !== tap));
    });
  }

  async readRules(): Promise<RulesRead> {
    const [{ json }, { others = [] }] = [await this.#helper.rulesRead({}), await this.#helper.rulesRead({ terse: true })];
    // Without our table there are no rules, which is to be told of as well.
    return { json: json ?? '{"nftables":[]}', others: others.map(({ name }) => name) };
  }

  observe(): Promise<NetworkObservation> {
    return this.#lock.with('network', async () => {
      const now = performance.now();
      const trusts = await this.#isHearing();
      const rules = trusts && isFresh(this.#rulesSeen, now) ? this.#rulesSeen : await this.#lookAtRules(now);
      await this.#lookAtOthers();
      const taps = (await this.#readTaps(trusts)).filter((tap) => this.#isRight(tap)).map(({ name }) => name);
      const wiring = trusts && isFresh(this.#wiringSeen, now) ? this.#wiringSeen : await this.#lookAtWiring(now, taps);
      const { running } = await this.#helper.dnsmasqStatus({});
      return {
        rules: rules.why === undefined ? { inForce: true } : { inForce: false, why: rules.why },
        wiring: wiring.missing.length === 0 ? { intact: true } : { intact: false, missing: wiring.missing },
        taps: taps.toSorted(),
        names: { running },
        others: this.#rules.others,
        silentRouters: await this.#askRouters(now),
      };
    });
  }

  remove(): Promise<void> {
    return this.#lock.with('network', async () => {
      this.#rules.forget();
      this.#names = undefined;
      this.#zones = undefined;
      this.#rulesSeen = undefined;
      this.#tapsSeen = undefined;
      this.#wiringSeen = undefined;
      this.#routersSeen = undefined;
      this.#wanted = undefined;
      this.#connected = new Map();
      await this.#helper.networkRemove({});
    });
  }

  async #nicUp(nic: NicUpArgs): Promise<void> {
    await this.#helper.nicUp(nic);
    const { tap: name, bridge } = nic;
    this.#changeTaps((taps) => [...taps.filter((one) => one.name !== name), { name, up: true, ...(bridge !== undefined && { bridge }) }]);
    for (const address of nic.guestAddresses) if (nic.uplink !== undefined) this.#zones?.proxied.add(`${nic.uplink} ${address}`);
    this.#connected.set(nic.tap, JSON.stringify(nic));
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
    const seen = { at, why: await this.#rules.explain() };
    if (heard === this.#heard.rules) this.#rulesSeen = seen;
    return seen;
  }

  /** Tables of other programs, when something in them has changed since the rules were looked at. */
  async #lookAtOthers(): Promise<void> {
    const heard = this.#heard.others;
    if (heard === this.#othersSeen) return;
    await this.#rules.readOthers();
    this.#othersSeen = heard;
  }

  async #readTaps(trusts: boolean): Promise<Tap[]> {
    const now = performance.now();
    if (trusts && isFresh(this.#tapsSeen, now)) return this.#tapsSeen.taps;
    const heard = this.#heard.links;
    const { taps } = await this.#helper.linksRead({});
    if (heard === this.#heard.links) this.#tapsSeen = { at: now, taps };
    return taps;
  }

  #isRight({ name, up, bridge }: Tap): boolean {
    return up && bridge === this.#wanted?.nics.get(name)?.bridge;
  }

  /** Our own change of what was seen last; nothing when somebody has changed something since. */
  #changeTaps(change: (taps: Tap[]) => Tap[]): void {
    if (this.#tapsSeen) this.#tapsSeen = { ...this.#tapsSeen, taps: change(this.#tapsSeen.taps) };
  }

  /** What is not as it was applied is applied again by the next `apply`. */
  async #lookAtWiring(at: number, up: readonly string[]): Promise<{ at: number; missing: string[] }> {
    const wanted = this.#wanted;
    if (!wanted) return { at, missing: [] };
    const heard = this.#heard.wiring;
    const nics = up.flatMap((tap) => (this.#connected.has(tap) ? (wanted.nics.get(tap) ?? []) : []));
    const proxied = nics.flatMap(proxiesOf);
    const { missing } = await this.#helper.wiringCheck({ zones: wanted.zones, listened: wanted.listened, proxied, nics });
    if (missing.length > 0) {
      this.#zones = undefined;
      for (const tap of this.#connected.keys()) this.#connected.set(tap, '');
    }
    const seen = { at, missing };
    if (heard === this.#heard.wiring && missing.length === 0) this.#wiringSeen = seen;
    return seen;
  }

  async #askRouters(at: number): Promise<NetworkObservation['silentRouters']> {
    if (isFresh(this.#routersSeen, at, routersTrustMs)) return this.#routersSeen.silent;
    const uplinks = this.#wanted?.zones.flatMap(({ uplink }) => uplink ?? []) ?? [];
    const all = uplinks.flatMap((uplink) =>
      [uplink.gateway, uplink.gateway6].flatMap((address) => (address === undefined ? [] : [{ interface: uplink.interface, address }])),
    );
    const routers = [...new Map(all.map((router) => [`${router.interface} ${router.address}`, router])).values()];
    const silent = routers.length === 0 ? [] : (await this.#helper.routersAsk({ routers })).silent;
    this.#routersSeen = { at, silent };
    return silent;
  }

  async #applyRules(rules: RenderedRules, undo: Undo): Promise<void> {
    this.#rulesSeen = undefined;
    const before = await this.#rules.apply(rules);
    if (!before) return;
    undo.push('the rules', async () => {
      await this.#rules.apply(before);
    });
  }

  /** Before rules are replaced: what the host cannot do is no reason to have others. */
  async #checkZones({ zones, listened }: WantedNetwork): Promise<void> {
    if (this.#zones?.text !== JSON.stringify({ zones, listened })) await this.#helper.zonesCheck({ zones, listened, proxied: [] });
  }

  /** Routes and uplinks, and again every nic that is up and should be otherwise. */
  async #applyZones({ zones, listened, nics }: WantedNetwork): Promise<void> {
    const taps = await this.#readTaps(await this.#isHearing());
    const up = taps.flatMap((tap) => (tap.up ? (nics.get(tap.name) ?? []) : []));
    const proxied = up.flatMap(proxiesOf);
    const text = JSON.stringify({ zones, listened });
    const wanted = new Set(proxied.map((proxy) => `${proxy.interface} ${proxy.address}`));
    const known = this.#zones;
    const isSame = known?.text === text && known.proxied.size === wanted.size && [...wanted].every((proxy) => known.proxied.has(proxy));
    if (!isSame || performance.now() - known.at > trustMs) {
      this.#zones = undefined;
      await this.#helper.zonesApply({ zones, proxied, listened });
      this.#zones = { text, at: performance.now(), proxied: wanted };
    }
    for (const nic of up) if (this.#connected.get(nic.tap) !== JSON.stringify(nic)) await this.#nicUp(nic);
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

function proxiesOf({ uplink, guestAddresses }: NicUpArgs): ZonesArgs['proxied'] {
  return uplink === undefined ? [] : guestAddresses.map((address) => ({ interface: uplink, address }));
}

function isFresh<T extends { at: number }>(seen: T | undefined, now: number, trustedMs = trustMs): seen is T {
  return seen !== undefined && now - seen.at < trustedMs;
}
