// A daemon without a world: real engine and API over a fake hypervisor, network and images, and a store in memory. Needs no root
// and nothing installed; guests “boot” in a moment. For trying the API and the command line, for tests and for benches.
import { mkdir } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { createFakeGuestFiles, type FakeGuestFiles } from '../drivers/fake/guest-files.ts';
import { FakeHost } from '../drivers/fake/fake-host.ts';
import { createFakeHostDoctor, type FakeHostDoctor } from '../drivers/fake/host-doctor.ts';
import type { IdentityProvider } from '../drivers/identity-provider.ts';
import { createOidcProvider } from '../drivers/oidc/identity-provider.ts';
import { createFakeHostSensors, type FakeHostSensors } from '../drivers/fake/host-sensors.ts';
import { FakeHypervisor } from '../drivers/fake/hypervisor.ts';
import { createFakeImages, type FakeImages } from '../drivers/fake/images.ts';
import { createFakeNetwork, type FakeNetwork } from '../drivers/fake/network.ts';
import { createFakeProber, type FakeProber } from '../drivers/fake/prober.ts';
import type { Observation, StartOptions } from '../drivers/hypervisor.ts';
import type { Engine } from '../engine/engine.ts';
import type { HostIdentity } from '../engine/parts.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { newUid, type RandomSource, seededRandom } from '../lib/ids.ts';
import { type Log, silentLog } from '../lib/log.ts';
import type { Machine } from '../model/machine.ts';
import { isAllowed } from '../plan/reachability.ts';
import { version } from '../model/version.ts';
import { MemoryAuditLog } from '../store/memory/memory-audit-log.ts';
import { MemoryHistory } from '../store/memory/memory-history.ts';
import { MemoryJournal } from '../store/memory/memory-journal.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { History } from '../store/history.ts';
import type { Journal } from '../store/journal.ts';
import type { Store } from '../store/store.ts';
import type { TlsOptions } from './command-line.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import type { HostNames } from './tls/certificate-names.ts';
import { openTls } from './tls/open-tls.ts';

/** What outlives a simulated daemon, as processes and disks outlive a real one: give it to the next. */
export interface SimulatedWorld {
  clock: Clock;
  random: RandomSource;
  host: FakeHost;
  identity: HostIdentity;
  store: Store;
  journal: Journal;
  history: History;
  auditLog: AuditLog;
  network: FakeNetwork;
  images: FakeImages;
  guestFiles: FakeGuestFiles;
  sensors: FakeHostSensors;
  doctor: FakeHostDoctor;
  identityProvider: IdentityProvider;
}

export function createSimulatedWorld(options: { clock?: Clock; seed?: number; dataDirectory?: string } = {}): SimulatedWorld {
  const clock = options.clock ?? systemClock;
  const random = seededRandom(options.seed ?? 1);
  const host = new FakeHost(clock);
  const guestFiles = createFakeGuestFiles();
  host.onDiskGrown = (uid, name, sizeMib) => guestFiles.growDisk(uid, name, sizeMib);
  return {
    clock,
    random,
    host,
    identity: {
      uid: newUid('h', random),
      name: 'simulated',
      version,
      dataDirectory: options.dataDirectory ?? '/simulated',
      userIds: { base: 1_900_000_000, count: 4096 },
      bootId: 'simulated',
      startsAtOnce: 256,
      cpus: 16,
      memoryMib: 1024 * 1024,
      reserveMib: 2048,
    },
    store: new MemoryStore({ clock }),
    journal: new MemoryJournal(),
    history: new MemoryHistory(),
    auditLog: new MemoryAuditLog({ clock }),
    network: createFakeNetwork(),
    images: createFakeImages(),
    guestFiles,
    sensors: createFakeHostSensors(),
    doctor: createFakeHostDoctor(),
    identityProvider: createOidcProvider(),
  };
}

export interface SimulateOptions {
  /** Socket file; its folder is made. */
  socketPath?: string | undefined;
  /** Loopback port (0: any free one), with `token`. */
  port?: number | undefined;
  /** Or addresses of this machine. */
  tcp?: readonly { host: string; port: number }[] | undefined;
  token?: string | undefined;
  /** For addresses that others can reach. */
  tls?: TlsOptions | undefined;
  /** Where proofs for a certificate by ACME are shown. */
  acmePlaces?: readonly { host: string; port: number }[] | undefined;
  /** Default: a new world, by `clock` and `seed`. */
  world?: SimulatedWorld | undefined;
  clock?: Clock | undefined;
  seed?: number | undefined;
  /** From a guest's start until its agent and service answer; default 300. */
  bootMs?: number | undefined;
  webRoot?: string | undefined;
  checkResponses?: boolean | undefined;
  log?: Log | undefined;
}

export interface SimulatedDaemon extends Daemon {
  world: SimulatedWorld;
  prober: FakeProber;
}

export async function startSimulatedDaemon(options: SimulateOptions): Promise<SimulatedDaemon> {
  const { bootMs = 300, socketPath, log = silentLog } = options;
  const world =
    options.world ??
    createSimulatedWorld({
      ...(options.clock ? { clock: options.clock } : {}),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    });
  if (socketPath !== undefined) await mkdir(dirname(socketPath), { recursive: true });
  const running: { engine?: Engine } = {};
  const prober = createFakeProber({
    isUp: addressesOf(world, () => running.engine),
    mayReach: (source, { address, protocol, port }) =>
      world.network.state !== undefined &&
      isAllowed(world.network.state, { from: { kind: 'guest', address: source }, to: { address }, protocol, port }).allowed,
  });
  const { clock, random, identity, store, journal, network, images, guestFiles, sensors, doctor, identityProvider, history } = world;
  const daemon = await startDaemon({
    parts: {
      host: identity,
      hypervisor: new BootingHypervisor(world.host, bootMs),
      store,
      journal,
      history,
      network,
      images,
      guestFiles,
      prober,
      sensors,
      doctor,
      identityProvider,
      clock,
      random,
      log,
    },
    auditLog: world.auditLog,
    socketPath,
    tcp: options.tcp ?? (options.port === undefined ? [] : [{ host: '127.0.0.1', port: options.port }]),
    openTls: () =>
      openTls({
        tls: options.tls ?? { names: [] },
        acmePlaces: options.acmePlaces,
        dataDirectory: identity.dataDirectory,
        names: namesOfThisMachine,
        clock,
        log,
      }),
    token: options.token ?? 'simulated-token-0123456789-abcdefgh',
    webRoot: options.webRoot,
    checkResponses: options.checkResponses,
  });
  running.engine = daemon.engine;
  return { ...daemon, world, prober };
}

async function namesOfThisMachine(): Promise<HostNames> {
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) => all.map(({ address }) => address));
  return { hostname: hostname(), addresses };
}

/** Every guest takes the same time to boot. */
class BootingHypervisor extends FakeHypervisor {
  readonly #world: FakeHost;
  readonly #bootMs: number;

  constructor(host: FakeHost, bootMs: number) {
    super(host);
    this.#world = host;
    this.#bootMs = bootMs;
  }

  override start(machine: Machine, options: StartOptions): Promise<Observation> {
    this.#world.behave(machine.uid, { bootMs: this.#bootMs });
    return super.start(machine, options);
  }
}

/** Whether the guest with an address has booted. */
function addressesOf(world: SimulatedWorld, engine: () => Engine | undefined): (address: string) => boolean {
  let uids = new Map<string, string>();
  const processOf = (address: string) => world.host.processes.get(uids.get(address) ?? '');
  const look = () => {
    const guests = engine()?.guests() ?? [];
    uids = new Map(guests.flatMap((guest) => guest.status.nics.flatMap((nic) => nic.addresses.map((own) => [own, guest.uid] as const))));
  };
  return (address) => {
    if (!processOf(address)) look();
    const process = processOf(address);
    return process?.observation.state === 'running' && !process.isFrozen && process.bootedAt <= world.clock.monotonic();
  };
}
