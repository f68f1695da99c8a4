// What the daemon may ask of the root helper, as types: one entry for each verb. The helper checks every argument again
// against its own knowledge (patterns, data directory, range of user ids); the daemon's side is `drivers/helper-client/`.
//
// On the channel each line is one JSON object:
//   request   {id, verb, args}             cancel    {cancel: id}
//   answer    {id, ok: true, value}   or   {id, ok: false, error: {code, message, details?}}
//   progress  {id, progress: {...}}        event     {event: 'guest-exited', ...}
import type { HostIsolation, ProcessIsolation } from './isolation.ts';
import type { NetworkChange, NetworkHelper } from './network-helper.ts';

export interface HelperHello {
  protocol: 1;
  /** Canonical path of the data directory. */
  dataDirectory: string;
  /** Sockets; the data directory's `run` points at it. */
  runDirectory: string;
  hostId: string;
  /** Unix user ids that guests of this data directory may have: base … base + count − 1. */
  userIds: { base: number; count: number };
  /** Name of the guests' network namespace; absent when their network is the host's own. */
  netns?: string;
  /** Listening TCP sockets in the host's own network, as file descriptors of the daemon. */
  listeners: {
    fd: number;
    address: string;
    port: number;
    /** For proofs to an ACME server, and nothing else. */
    acme?: true;
  }[];
  bootId: string;
}

export interface ProcessLimits {
  memoryMib: number;
  cpuWeight: number;
  /** In processors; absent: none. */
  cpuLimit?: number;
  /** Numbers of the host's processors; absent: all. */
  cpuPin?: number[];
  pids: number;
}

export interface GuestStartArgs {
  uid: string;
  userId: number;
  /** QEMU's full path and its arguments; must hold `-sandbox` with all four denials. */
  argv: string[];
  taps: { name: string }[];
  /** Files that QEMU may write: in D/guests/<uid>/, owned by `userId` (see guestOwnDisk): disks, UEFI variables, console.log. */
  disks: string[];
  /** Files that QEMU may only read: in D/images/ or D/guests/<uid>/. All of /usr is visible anyway. */
  files: string[];
  /** Ownership generation, kept in the launch record. */
  generation: number;
  limits: ProcessLimits;
  /** Give it /dev/kvm. */
  kvm?: boolean;
}

export interface GuestProcess {
  uid: string;
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot; with `pid` and the boot id it names the process for ever. */
  startTime: number;
  /** The same, milliseconds since the epoch. */
  startedAt: number;
  /** From the launch record; absent when that is lost. */
  generation?: number;
}

export interface HostFacts {
  memoryTotalMib: number;
  memoryAvailableMib: number;
  swapTotalMib: number;
  swapUsedMib: number;
  cpus: number;
  cgroups: 'v1' | 'hybrid' | 'v2' | 'none';
  /** Limits that can be set. */
  cgroupControllers: string[];
  kernel: string;
  hostname: string;
  /** Of the interfaces of the host's own network, without those of guests. */
  addresses: string[];
  architecture: string;
  bootId: string;
  /** Absent when the program is not installed. */
  nftables?: string;
  dnsmasq?: string;
  qemu?: string;
  /** /dev/kvm is there (whether guests come up with it is another question). */
  kvmDevice: boolean;
}

type None = Record<never, never>;

interface HelperTarget {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
}

interface HelperProbeLine {
  got: 'open' | 'refused' | 'unknown';
  /** Address that it was tried from; empty when not known. */
  source: string;
  detail: string;
}

interface HelperWorldLine extends Omit<HelperProbeLine, 'got'> {
  got: HelperProbeLine['got'] | 'no-way';
}

/** Each is idempotent unless it says otherwise. */
interface HostVerbs {
  hello: { args: None; value: HelperHello };
  hostFacts: { args: None; value: HostFacts };

  /** Not idempotent: `not-allowed` when a process of that guest exists. Answers once QEMU is being executed. */
  guestStart: { args: GuestStartArgs; value: { pid: number; startTime: number; startedAt: number } };
  guestKill: {
    args: { uid: string; pid: number; startTime: number; signal: 'TERM' | 'KILL' };
    value: { kind: 'signalled' | 'already-gone' };
  };
  /** Other limits of a guest that runs; `not-allowed` without a process. */
  guestLimit: { args: { uid: string; limits: ProcessLimits }; value: None };
  /** What a guest uses; `exact` counts shared pages by their share. Absent without a process. */
  guestUsage: {
    args: { uid: string; exact: boolean };
    value: { usage?: { pssBytes?: number; groupBytes?: number; swapBytes?: number } };
  };
  /** Makes a disk of D/guests/<uid>/ visible to its running process; again does nothing. */
  guestGiveFile: { args: { uid: string; userId: number; path: string }; value: None };
  guestTakeFile: { args: { uid: string; path: string }; value: None };
  /** Makes a tap in the network namespace of a guest's running process, where `nicUp` takes it from; again does nothing. */
  guestGiveTap: { args: { uid: string; userId: number; tap: string }; value: None };
  /** Removes a tap that is in there still. */
  guestTakeTap: { args: { uid: string; tap: string }; value: None };
  /** Removes taps, run directory and cgroup of a guest without a process. */
  guestForget: { args: { uid: string }; value: None };
  /** Every process found in the guests' cgroups: the truth about what runs. */
  guestProcesses: { args: None; value: { processes: GuestProcess[] } };
  /** How far each of them is cut off, as the kernel tells it. */
  guestIsolation: { args: None; value: { host: HostIsolation; processes: ProcessIsolation[] } };
  /** Gives a file of D/guests/<uid>/ to the guest's user (group `caisson`, mode 0660). */
  guestOwnDisk: { args: { uid: string; userId: number; path: string }; value: None };
  /** Removes D/guests/<uid>/ with all in it; `not-allowed` while the guest has a process. */
  guestDeleteFolder: { args: { uid: string }; value: None };

  /** Runs the image builder; its progress lines are relayed, its last value is the answer. Can be cancelled. */
  imageBuild: { args: { recipePath: string; outPath: string; manifestPath?: string }; value: { result: unknown } };
  /** Fetches a file by http or https and compares its digest. Can be cancelled; progress is `{bytes, total?}`. */
  imageFetch: { args: { url: string; sha256: string; outPath: string }; value: { sizeBytes: number } };

  /**
   * Tries to reach targets from the host's own network, where the other ends of the guests' uplinks are: the world for guests in a network
   * namespace. In their order; `no-way` where the host's routes do not lead over an uplink: nothing is sent there. `addresses` are the
   * host's own on those wires.
   */
  worldProbe: { args: { targets: HelperTarget[]; uplinks: string[] }; value: { lines: HelperWorldLine[]; addresses: string[] } };

  /**
   * Plugs a namespace of its own into the guests' network as if it were a guest's nic; `nicUp` then connects its tap. It ends with the
   * helper. With `uplink`, `conflict` when a machine on that wire has one of the addresses. Not idempotent.
   */
  probeOpen: {
    /** Addresses with the length of their prefix. `uid` is no guest's. */
    args: { uid: string; tap: string; mac: string; mtu: number; addresses: string[]; routers: string[]; uplink?: string };
    value: None;
  };
  /** Tries to reach targets from a probe. In their order. */
  probeRun: { args: { uid: string; targets: HelperTarget[] }; value: { lines: HelperProbeLine[] } };
  probeClose: { args: { uid: string }; value: None };

  /** What `caisson doctor -o json` says in the host's own network, as the daemon's user. `missing` where this installation has no doctor. */
  hostExamine: { args: None; value: { said: unknown } };

  /** Takes away everything of this data directory that outlives the helper, but for the data; `not-allowed` while a guest runs. */
  hostTeardown: { args: None; value: None };
}

type NetworkVerbs = {
  [V in keyof NetworkHelper]: { args: Parameters<NetworkHelper[V]>[0]; value: Awaited<ReturnType<NetworkHelper[V]>> };
};

/** Every verb: what it takes, what it gives. */
export type HelperVerbs = HostVerbs & NetworkVerbs;
export type HelperVerb = keyof HelperVerbs;
export type HelperArgs<V extends HelperVerb> = HelperVerbs[V]['args'];
export type HelperValue<V extends HelperVerb> = HelperVerbs[V]['value'];

export interface HelperRequest {
  id: number;
  verb: string;
  args: unknown;
}

export interface HelperError {
  code: string;
  message: string;
  details?: Record<string, unknown>;
}

export type HelperAnswer = { id: number; ok: true; value: unknown } | { id: number; ok: false; error: HelperError };

/** Said unasked. */
export type HelperEvent = GuestExited | NetworkChanged;

interface GuestExited {
  event: 'guest-exited';
  uid: string;
  pid: number;
  startTime: number;
  /** Known only for processes that this helper started itself. */
  exit?: { code: number | null; signal: string | null };
  /** The end of what QEMU said on its standard error since it was started; at most 2,000 characters. */
  said: string;
}

/**
 * Somebody else changed rules of the guests' network, or other rules beside them, a tap is not what it was, or an address, a route or a
 * routing rule is gone.
 */
interface NetworkChanged {
  event: 'network-changed';
  what: NetworkChange;
}
