// A simulated world that is watched: what must never happen is noticed at the moment when it does, whoever did it. `broken` takes away what
// guards against it, to prove that it is noticed.
import { createSimulatedWorld, type SimulatedWorld } from '../../src/daemon/simulate.ts';
import { FakeHost, type FakeProcess } from '../../src/drivers/fake/fake-host.ts';
import { FakeHypervisor } from '../../src/drivers/fake/hypervisor.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import type { GuestOwner } from '../../src/drivers/guest-files.ts';
import type { Observation, StartOptions } from '../../src/drivers/hypervisor.ts';
import type { Machine } from '../../src/model/machine.ts';
import { roomMib } from './documents.ts';

/** The safety list of the design, and what else is promised. */
export type Rule =
  | 'a guest runs at most once'
  | 'a disk has at most one writer'
  | 'what was acknowledged exists'
  | 'promised memory fits'
  | 'nothing runs without its rules'
  | 'nothing is recreated empty'
  | 'failed input changes nothing'
  | 'nothing stays of what is deleted'
  | 'the site becomes what is wanted';

export type Broken =
  | 'a second process is allowed'
  | 'guests share a folder'
  | 'admission is ignored'
  | 'the store forgets'
  | 'rules are not applied'
  | 'disks are made again'
  | 'a refused site is written'
  | 'what is known of a guest is kept for ever'
  | 'starts are forgotten';

export interface Violation {
  rule: Rule;
  what: string;
}

const reserveMib = 512;

/** Time of day may jump; time that passes may not. */
export class JumpingClock extends FakeClock {
  #offset = 0;

  override now(): number {
    return super.now() + this.#offset;
  }

  jump(ms: number): void {
    this.#offset += ms;
  }
}

export class WatchedWorld {
  readonly clock = new JumpingClock();
  readonly world: SimulatedWorld;
  readonly host: WatchedHost;
  readonly violations: Violation[] = [];
  readonly broken: ReadonlySet<Broken>;
  /** Disks that a process has had: never to be made again while nobody deletes them. */
  readonly #used = new Set<string>();
  readonly #generations = new Map<string, number>();
  /** Taps that are connected. */
  readonly connected = new Set<string>();

  constructor(seed: number, broken: readonly Broken[] = []) {
    this.broken = new Set(broken);
    this.host = new WatchedHost(this.clock, this.broken.has('a second process is allowed'), (process) => this.#lookAt(process));
    const base = createSimulatedWorld({ clock: this.clock, seed });
    const memoryMib = this.broken.has('admission is ignored') ? 1_000_000 : roomMib + reserveMib;
    this.world = { ...base, host: this.host, identity: { ...base.identity, memoryMib, reserveMib } };
    this.#watchFiles();
    this.#watchTaps();
    if (this.broken.has('rules are not applied')) this.#loseRules();
    if (this.broken.has('the store forgets')) this.#forget();
    if (this.broken.has('what is known of a guest is kept for ever')) this.#keepStatus();
  }

  /** As each run of the daemon has one. */
  openHypervisor(): FakeHypervisor {
    if (this.broken.has('a second process is allowed')) return new BlindHypervisor(this.host);
    return this.broken.has('starts are forgotten') ? new IdleHypervisor(this.host) : new FakeHypervisor(this.host);
  }

  note(rule: Rule, what: string): void {
    this.violations.push({ rule, what });
  }

  diskOf(path: string): { uid: string; name: string } {
    const [, uid = '', name = ''] = /^\/fake\/guests\/(\w+)\/(.+)\.qcow2$/.exec(path) ?? [];
    return { uid, name };
  }

  /** What holds at every moment. */
  check(): void {
    const running = this.host.running();
    const once = new Set<string>();
    const writers = new Map<string, string>();
    let promisedMib = 0;
    for (const { machine, pid, limits } of running) {
      if (once.has(machine.uid)) this.note('a guest runs at most once', `two processes of guest ${machine.uid}`);
      once.add(machine.uid);
      promisedMib += limits.memoryMib;
      for (const { path } of machine.disks) {
        const other = writers.get(path);
        if (other !== undefined) this.note('a disk has at most one writer', `${path} is open in ${other} and in process ${pid}`);
        writers.set(path, `process ${pid}`);
      }
    }
    const owners = new Map<string, string>();
    for (const { addresses, guestName } of this.world.network.state?.nics ?? []) {
      for (const address of addresses) {
        const other = owners.get(address);
        if (other !== undefined) this.note('nothing runs without its rules', `${address} belongs to ${other} and ${guestName}`);
        owners.set(address, guestName);
      }
    }
    if (promisedMib > roomMib) this.note('promised memory fits', `${running.length} processes may use ${promisedMib} MiB of ${roomMib}`);
  }

  /** What holds of the store at every moment. */
  async checkStore(): Promise<void> {
    const { store, history } = this.world;
    const uids = async (prefix: string) => (await store.list(prefix)).rows.map(({ key }) => key.slice(prefix.length));
    const guests = new Set(await uids('guest/'));
    for (const uid of await uids('guest-status/'))
      if (!guests.has(uid)) this.note('nothing stays of what is deleted', `the store knows how guest ${uid} was, which is gone`);
    for (const uid of this.#generations.keys())
      if (!guests.has(uid) && (await history.read({ uid, resolution: 'minute' })).length > 0)
        this.note('nothing stays of what is deleted', `the history has minutes of guest ${uid}, which is gone`);
  }

  #lookAt(process: FakeProcess): void {
    const { machine, generation } = process;
    const { uid } = machine;
    this.check();
    const last = this.#generations.get(uid) ?? 0;
    if (generation < last) this.note('a guest runs at most once', `guest ${uid} started with generation ${generation} after ${last}`);
    this.#generations.set(uid, Math.max(last, generation));
    for (const { path } of machine.disks) this.#used.add(path);
    const state = this.world.network.state;
    for (const nic of machine.nics) {
      const rules = state?.nics.find(({ tap }) => tap === nic.tap);
      if (rules?.mac !== nic.mac || rules.guest !== uid)
        this.note('nothing runs without its rules', `guest ${uid} was started and the network knows no nic ${nic.tap} ${nic.mac}`);
    }
  }

  #watchFiles(): void {
    const { guestFiles } = this.world;
    const before = { ...guestFiles };
    const made = (uid: string, name: string) => {
      const path = `/fake/guests/${uid}/${name}.qcow2`;
      if (this.#used.has(path)) this.note('nothing is recreated empty', `${path} was made again`);
    };
    guestFiles.createRootDisk = async (owner: GuestOwner, image, sizeMib) => {
      made(owner.uid, 'root');
      await before.createRootDisk(owner, image, sizeMib);
    };
    guestFiles.createDisk = async (owner, name, sizeMib) => {
      made(owner.uid, name);
      await before.createDisk(owner, name, sizeMib);
    };
    guestFiles.remove = async (uid) => {
      await before.remove(uid);
      for (const path of this.#used) if (path.startsWith(`/fake/guests/${uid}/`)) this.#used.delete(path);
    };
    if (this.broken.has('guests share a folder')) guestFiles.folders = (uid) => ({ ...before.folders(uid), data: '/fake/guests/gshared' });
    if (this.broken.has('disks are made again'))
      guestFiles.disk = async (uid, name) => {
        const found = await before.disk(uid, name);
        if (found) return found;
        // As if the engine did not know that there was one.
        await guestFiles.createDisk({ uid, userId: 0 }, name, 1024);
        return before.disk(uid, name);
      };
  }

  #watchTaps(): void {
    const { network } = this.world;
    const before = { ...network };
    network.connect = async (tap) => {
      await before.connect(tap);
      this.connected.add(tap);
    };
    network.disconnect = async (tap) => {
      await before.disconnect(tap);
      this.connected.delete(tap);
    };
    network.remove = async () => {
      await before.remove();
      this.connected.clear();
    };
  }

  #loseRules(): void {
    const { network } = this.world;
    const before = { ...network };
    network.apply = (state) => before.apply({ ...state, nics: [] });
    network.connect = async () => undefined;
  }

  #forget(): void {
    const { store } = this.world;
    const transaction = store.transaction.bind(store);
    let count = 0;
    // Acknowledged, and gone.
    store.transaction = (wanted) => (wanted.durability !== 'relaxed' && ++count % 5 === 4 ? Promise.resolve(0) : transaction(wanted));
  }

  #keepStatus(): void {
    const { store } = this.world;
    const transaction = store.transaction.bind(store);
    store.transaction = (wanted) =>
      transaction({ ...wanted, writes: wanted.writes.filter((write) => !('delete' in write && write.key.startsWith('guest-status/'))) });
  }
}

/** Does not see what runs. */
class BlindHypervisor extends FakeHypervisor {
  override observe(): Promise<Observation> {
    return Promise.resolve({ state: 'stopped' });
  }

  override observeAll(): Promise<Map<string, Observation>> {
    return Promise.resolve(new Map());
  }
}

/** Says that it has started what it has not. */
class IdleHypervisor extends FakeHypervisor {
  override start(): Promise<Observation> {
    return Promise.resolve({ state: 'running', pid: 1, startedAt: 0 });
  }
}

export class WatchedHost extends FakeHost {
  readonly #allowsSecond: boolean;
  readonly #onSpawn: (process: FakeProcess) => void;
  readonly #hidden = new Set<FakeProcess>();

  constructor(clock: FakeClock, allowsSecond: boolean, onSpawn: (process: FakeProcess) => void) {
    super(clock);
    this.#allowsSecond = allowsSecond;
    this.#onSpawn = onSpawn;
  }

  running(): FakeProcess[] {
    return [...this.#hidden, ...this.processes.values()];
  }

  override spawn(machine: Machine, options: StartOptions): FakeProcess {
    const other = this.processes.get(machine.uid);
    if (other && this.#allowsSecond) {
      this.#hidden.add(other);
      this.processes.delete(machine.uid);
    }
    const process = super.spawn(machine, options);
    this.#onSpawn(process);
    return process;
  }

  /** Every process ends at once. */
  cutPower(): void {
    this.#hidden.clear();
    for (const uid of this.processes.keys()) this.end(uid, 'crashed', 'the power failed');
  }
}
