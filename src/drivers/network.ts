// The contract of the guests' network: whole state in, never patched piece by piece.
// Implemented by `nftables/` and `fake/`; both pass test/contract/network.contract.ts.
import type { OtherTable } from '../model/host.ts';
import type { NetworkState } from '../model/network-state.ts';

export interface NetworkObservation {
  /** The rules in force are those of the state applied last; otherwise why not. */
  rules: { inForce: true } | { inForce: false; why: string };
  /** Routes, addresses, proxies and settings are those applied; otherwise what is not, for people. Nics without a tap are not looked at. */
  wiring: { intact: true } | { intact: false; missing: string[] };
  /** Taps that exist and are up in the guests' network. */
  taps: string[];
  /** The DHCP and name service answers for itself. */
  names: { running: boolean };
  /** Tables of other programs that hook into packets’ ways: left alone, and they may refuse what we allow. */
  others: OtherTable[];
  /** Routers of uplinks that do not answer on their wire. */
  silentRouters: { interface: string; address: string }[];
}

/** `json`: what nft tells of the tables in force, elements included; `none`: why there are no rules to read. */
export type RulesRead = { json: string; others: string[] } | { none: string };

export interface Network {
  /**
   * Makes the state true: rules first, in one transaction, then zones, uplinks, DHCP and names. Idempotent.
   * A nic's rules stand from here on, before its tap exists. Throws and leaves the old rules when it cannot.
   */
  apply(state: NetworkState): Promise<void>;
  /**
   * Connects a nic of the applied state whose tap a starting guest has just opened: into the guests' network, routed, up.
   * Refused (`not-allowed`) when its rules are not in force. Idempotent.
   */
  connect(tap: string): Promise<void>;
  /** Takes a nic out again when its guest has ended: tap, routes, proxies. Idempotent; well when the tap is gone already. */
  disconnect(tap: string): Promise<void>;
  /** What is seen now; cheap while nothing has changed. */
  observe(): Promise<NetworkObservation>;
  /** The rules in force as the kernel tells them now, for whoever decides what they do. */
  readRules(): Promise<RulesRead>;
  /** Calls when something may have been changed by somebody else: the time to observe. Returns what ends it. */
  onChange(listener: () => void): () => void;
  /** Takes everything away again: rules, interfaces, services. */
  remove(): Promise<void>;
}
