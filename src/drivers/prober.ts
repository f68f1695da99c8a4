// The contract of asking a service from outside whether it answers, as a user of it would.
import type { ReadinessCheck } from '../model/service.ts';

/** The checks that go over the network; the others are asked through the guest agent. */
export type NetworkCheck = Extract<ReadinessCheck, { tcp: unknown } | { http: unknown } | { dns: unknown }>;

export type ProbeResult = { ok: true } | { ok: false; why: string };

export interface ProbeTarget {
  address: string;
  protocol: 'tcp' | 'udp';
  port: number;
}

/**
 * `open`: the destination itself answered, be it with a refusal; `refused`: something on the way did, or nobody. `no-way`: from the world
 * nothing leads there over an uplink, so it was not tried.
 */
export interface ReachResult {
  got: 'open' | 'refused' | 'unknown' | 'no-way';
  /** Address that it was tried from; empty when not known. */
  source: string;
  detail: string;
}

/** How a probe is plugged in: as a guest's nic, without a guest. */
export interface ProbePlug {
  /** No guest's. */
  uid: string;
  tap: string;
  mac: string;
  mtu: number;
  /** With the length of their prefix. */
  addresses: string[];
  routers: string[];
  /** Where a machine might have one of the addresses. */
  uplink?: string;
}

export interface Probe {
  /** Results in the order of the targets. */
  reach(targets: readonly ProbeTarget[]): Promise<ReachResult[]>;
  /** Well when it is closed already. */
  close(): Promise<void>;
}

export interface Prober {
  /** Never throws: what went wrong is the answer. */
  check(check: NetworkCheck, address: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<ProbeResult>;
  /** Tries targets from the world that lies at the other ends of these uplinks, where this host is there: results in the order of the targets. */
  reachFromWorld(targets: readonly ProbeTarget[], uplinks: readonly string[]): Promise<ReachResult[]>;
  /** The host's own addresses in that world. */
  worldAddresses(uplinks: readonly string[]): Promise<string[]>;
  /** The host's own addresses in the guests' network: what is not published there is its own affair. */
  ownAddresses(): readonly string[];
  /** Not connected yet: that is the network's. `conflict` when a machine on the uplink's wire has one of the addresses. */
  openProbe(plug: ProbePlug): Promise<Probe>;
}
