// A packet as it is described to the evaluator, and what becomes of it on its way.
import type { Ranges } from './l4-ranges.ts';
import type { KernelRule } from './ruleset.ts';

export interface Packet {
  family: 4 | 6 | 'arp';
  /** What it enters by: a tap or an uplink; absent when the host itself sends it. */
  iif?: string;
  /** The bridge that `iif` is a port of. */
  bridge?: string;
  /** The port of that bridge that it is for; absent when it is for the host, to be routed. */
  toPort?: string;
  mac: number;
  source: number | bigint;
  destination: number | bigint;
  /** What is asked about, and which port its numbers are. */
  l4: Ranges;
  axis: 'dport' | 'sport';
  /** The other port. */
  otherPort: number;
  connection: Connection;
  tcpFlags: number;
  /** IPv4: in words of 32 bits; 5 without options. */
  headerLength: number;
  isFragment: boolean;
  hopLimit: number;
  /** IPv6: of a header before what is carried. */
  nextHeader?: number;
  /** IPv6: what the header of a fragment says comes next. */
  afterFragment?: number;
  /** What is carried, by where it begins and how long it is, in bits: `th 288 48`. */
  payload?: ReadonlyMap<string, number | bigint>;
  arp?: { operation: number; mac: number; address: number };
  /** Of what there is more than is let through: new connections of a flow, connections of a nic, what a nic asks of the host. */
  flood?: 'flow' | 'connections' | 'questions';
}

export interface Connection {
  state: 'new' | 'established' | 'related' | 'invalid' | 'untracked';
  isReply: boolean;
  mark: number;
  /** Of its first packet as it was sent, and where its answers come from; those of the packet itself unless said. */
  original?: { source: number | bigint; destination: number | bigint };
  replySource?: number | bigint;
  /** An answer to an address that was exchanged goes back to the one it was exchanged for. */
  leadsBackTo?: number | bigint;
}

/** A part of what is asked about, with what rules have changed so far. */
export interface Branch {
  readonly packet: Packet;
  readonly ranges: Ranges;
  readonly iif: string | undefined;
  readonly oif: string | undefined;
  readonly destination: number | bigint;
  /** Once a publication has exchanged it. */
  readonly port: number | undefined;
  readonly mark: number;
  readonly connectionMark: number;
  readonly isMasked: boolean;
  /** False where connections are not looked up yet. */
  readonly isTracked: boolean;
  /** The last rule that sent it to another chain, and those before. */
  readonly trail: Trail | undefined;
}

export interface Trail {
  rule: KernelRule;
  before: Trail | undefined;
}

export interface Outcome {
  branch: Branch;
  ranges: Ranges;
  end:
    | { is: 'delivered'; to: string }
    /** `rule`: absent where a policy or a route did it, which `why` says. */
    | { is: 'refused'; how: 'drop' | 'reject'; rule?: KernelRule; why: string }
    | { is: 'undecided'; rule?: KernelRule; why: string };
}
