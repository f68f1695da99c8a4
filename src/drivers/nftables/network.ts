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

  constructor({ helper, resolvers = [], log = silentLog }: NftablesNetworkOptions) {
    this.#helper = helper;
    this.#resolvers = resolvers;
    this.#log = log;
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
      await this.#helper.nicUp(nic);
      this.#connected.set(tap, JSON.stringify(nic));
    });
  }

  disconnect(tap: string): Promise<void> {
    return this.#lock.with('network', async () => {
      const nic = this.#nics.get(tap);
      this.#connected.delete(tap);
      const uid = nic?.uid ?? tap.slice(2, -1);
      await this.#helper.nicDown({ uid, tap, guestAddresses: nic?.guestAddresses ?? [], ...(nic?.uplink && { uplink: nic.uplink }) });
    });
  }

  observe(): Promise<NetworkObservation> {
    return this.#lock.with('network', async () => {
      const why = await this.#explainRules();
      const { taps } = await this.#helper.linksRead({});
      const { running } = await this.#helper.dnsmasqStatus({});
      return {
        rules: why === undefined ? { inForce: true } : { inForce: false, why },
        taps: taps
          .filter(({ up }) => up)
          .map(({ name }) => name)
          .toSorted(),
        names: { running },
      };
    });
  }

  remove(): Promise<void> {
    return this.#lock.with('network', async () => {
      this.#rules = undefined;
      this.#names = undefined;
      this.#nics = new Map();
      this.#connected = new Map();
      await this.#helper.networkRemove({});
    });
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

  async #explainRules(): Promise<string | undefined> {
    const rules = this.#rules;
    if (!rules) return 'no rules have been applied yet';
    const fingerprint = await rules.whole;
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
    await this.#helper.rulesApply({ table: rules.text });
    this.#rules = await this.#readBack(rules);
    if (!before || before.text === rules.text) return;
    undo.push('the rules', async () => {
      await this.#helper.rulesApply({ table: before.text });
      this.#rules = await this.#readBack(before);
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
      await this.#helper.nicUp(nic);
      this.#connected.set(nic.tap, text);
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
