// What an audit is decided from: all of it observed or wanted, none of it judged yet.
import type { AuditZone, LastCheck } from '../../model/audit.ts';
import type { OtherTable } from '../../model/host.ts';
import type { HostIsolation, ProcessIsolation } from '../../model/isolation.ts';

export interface AuditGuest {
  uid: string;
  name: string;
  /** Unix user id that its process must have. */
  userId: number;
  running: boolean;
  /** One for each nic. */
  zones: string[];
  labels: Readonly<Record<string, string>>;
  addresses: string[];
  /** Ports of its service: `tcp/80`, `udp/5000-5100`. */
  declared: string[];
}

export interface AuditFlow {
  from: string;
  to: string;
  allow: string[];
  comment?: string | undefined;
  /** In words. */
  text: string;
}

export interface AuditPublication {
  /** The guest's name, and the ports of the guest that are reached. */
  guest: string;
  protocol: 'tcp' | 'udp';
  ports: { from: number; to: number };
  /** Address ranges; empty: the whole world. */
  from: string[];
  text: string;
}

export interface FoundSocket {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
}

/** What listens in a guest, or why that could not be read. */
export type GuestSockets = { sockets: FoundSocket[] } | { unseen: string };

export interface AuditEvidence {
  site: string;
  revision: number;
  timezone: string;
  /** Milliseconds since the epoch. */
  now: number;
  host: { name: string; version: string; qemuVersion: string; accelerator: 'kvm' | 'tcg' };
  zones: AuditZone[];
  guests: AuditGuest[];
  flows: AuditFlow[];
  publications: AuditPublication[];
  isolation: { host: HostIsolation; processes: ProcessIsolation[] } | { unseen: string };
  /** By the guest's name; only guests that run. */
  sockets: ReadonlyMap<string, GuestSockets>;
  /** Why the rules in force are not the wanted ones. */
  networkProblem?: string | undefined;
  /** Tables of other programs in the guests' network. */
  otherTables: readonly OtherTable[];
  lastCheck?: LastCheck | undefined;
}
