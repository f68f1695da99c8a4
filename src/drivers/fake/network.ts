// A network in memory, for tests and simulated sites: it keeps the contract and carries nothing. It refuses what could not be rendered.
import { CaissonError } from '../../lib/errors.ts';
import type { OtherTable } from '../../model/host.ts';
import type { NetworkState } from '../../model/network-state.ts';
import type { Network } from '../network.ts';
import { renderDnsmasq } from '../nftables/render-dnsmasq.ts';
import { renderRules } from '../nftables/render-rules.ts';

export interface FakeNetwork extends Network {
  /** What was applied last. */
  readonly state: NetworkState | undefined;
  /** The rules are gone, as if somebody had flushed them, until the next `apply`. */
  loseRules(why: string): void;
  /** Somebody has taken this away, until the next `apply`. */
  loseWiring(missing: string): void;
  /** Tables of other programs are there from now on, and no others. */
  addOthers(...tables: OtherTable[]): void;
  /** A zone's router answers no more, or again. */
  silence(router: string, isSilent?: boolean): void;
  /** DHCP and names are dead until the next `apply`. */
  loseNames(): void;
  /** The next `apply` fails with this. */
  failNext(error: CaissonError): void;
  /** From now on this is what a kernel would tell of the rules, as a real one told it once. */
  tellRules(json: string): void;
}

/** `uplinks` are the interfaces that exist; by default every one does. */
export function createFakeNetwork({ uplinks }: { uplinks?: readonly string[] } = {}): FakeNetwork {
  let state: NetworkState | undefined;
  let lost: string | undefined;
  let hasNames = false;
  let missing: string[] = [];
  let others: OtherTable[] = [];
  const silent = new Set<string>();
  let failure: CaissonError | undefined;
  let told: string | undefined;
  const up = new Set<string>();
  const listeners = new Set<() => void>();
  return {
    get state() {
      return state;
    },
    loseRules(why) {
      lost = why;
      for (const listener of listeners) listener();
    },
    loseWiring(what) {
      missing.push(what);
      for (const listener of listeners) listener();
    },
    addOthers(...tables) {
      others = tables;
    },
    silence(router, isSilent = true) {
      if (isSilent) silent.add(router);
      else silent.delete(router);
    },
    loseNames() {
      hasNames = false;
    },
    failNext(error) {
      failure = error;
    },
    tellRules(json) {
      told = json;
    },
    // What it would render is no proof of itself.
    readRules: async () => (told === undefined ? { none: 'a simulated network has no kernel that filters' } : { json: told, others: [] }),
    async apply(wanted) {
      const error = failure;
      failure = undefined;
      if (error) throw error;
      renderRules(wanted);
      const homeless = wanted.nics.find((nic) => !wanted.zones.some((zone) => zone.name === nic.zone));
      if (homeless) throw new CaissonError('invalid', `nic ${homeless.tap} is in zone ${homeless.zone}, which the network does not have`);
      renderDnsmasq(wanted, []);
      for (const { uplink } of wanted.zones) {
        if (uplink && uplinks && !uplinks.includes(uplink.interface))
          throw new CaissonError('missing', `uplink ${uplink.interface} is not an interface of the guests’ network`);
      }
      state = structuredClone(wanted);
      lost = undefined;
      missing = [];
      hasNames = true;
    },
    async connect(tap) {
      if (!state || lost !== undefined) throw new CaissonError('not-allowed', `tap ${tap} stays unconnected: the rules are not in force`);
      if (!state.nics.some((nic) => nic.tap === tap))
        throw new CaissonError('not-allowed', `no nic of the applied network has the tap ${tap}`);
      up.add(tap);
    },
    async disconnect(tap) {
      up.delete(tap);
    },
    observe: async () => ({
      rules: state && lost === undefined ? { inForce: true } : { inForce: false, why: lost ?? 'nothing has been applied' },
      wiring: missing.length === 0 ? { intact: true } : { intact: false, missing: [...missing] },
      taps: [...up].toSorted(),
      names: { running: hasNames },
      others,
      silentRouters:
        state?.zones.flatMap(({ uplink }) =>
          uplink?.gateway !== undefined && silent.has(uplink.gateway) ? [{ interface: uplink.interface, address: uplink.gateway }] : [],
        ) ?? [],
    }),
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async remove() {
      state = undefined;
      lost = undefined;
      hasNames = false;
      up.clear();
    },
  };
}
