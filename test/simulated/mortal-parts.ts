// The parts of one run of the daemon on a simulated world. It can be killed at any call of a part, before it has any effect or after: from
// then on none of its calls does anything or returns, as those of a process that is gone. Calls fail, hang or take long as told.
import type { FakeHypervisor } from '../../src/drivers/fake/hypervisor.ts';
import type { Prober } from '../../src/drivers/prober.ts';
import type { EngineParts } from '../../src/engine/parts.ts';
import { CaissonError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { SimulatedWorld } from '../../src/daemon/simulate.ts';

/** What calls of one part's method do from now on, `times` of them. */
export interface CallFault {
  /** `hypervisor.start` */
  call: string;
  /** `fail-after`: done, and nobody is told so. `hang`: nothing for `ms`, then `timeout`. `slow`: done after `ms`. */
  how: 'fail' | 'fail-after' | 'hang' | 'slow';
  times: number;
  ms: number;
}

/** Questions and other things that neither wait nor change anything. */
const immediate = new Set([
  'clock.now',
  'clock.monotonic',
  'random.bytes',
  'hypervisor.overheadMib',
  'hypervisor.facts',
  'guestFiles.folders',
  'store.watch',
]);

export class CallFaults {
  #faults: CallFault[] = [];

  add(fault: CallFault): void {
    this.#faults.push({ ...fault });
  }

  clear(): void {
    this.#faults = [];
  }

  take(call: string): CallFault | undefined {
    const fault = this.#faults.find((candidate) => candidate.call === call && candidate.times > 0);
    if (fault) fault.times--;
    return fault;
  }
}

export class MortalParts {
  readonly parts: EngineParts;
  readonly #world: SimulatedWorld;
  readonly #faults: CallFaults;
  readonly #hypervisor: FakeHypervisor;
  readonly #onDeath: () => void;
  #left = Infinity;
  #isDead = false;

  constructor(world: SimulatedWorld, hypervisor: FakeHypervisor, prober: Prober, faults: CallFaults, onDeath: () => void) {
    this.#world = world;
    this.#faults = faults;
    this.#onDeath = onDeath;
    this.#hypervisor = hypervisor;
    const { identity, store, journal, network, images, guestFiles, clock, random } = world;
    this.parts = {
      host: identity,
      hypervisor: this.#mortal('hypervisor', this.#hypervisor),
      store: this.#mortal('store', store),
      journal: this.#mortal('journal', journal),
      network: this.#mortal('network', network),
      images: this.#mortal('images', images),
      guestFiles: this.#mortal('guestFiles', guestFiles),
      prober: this.#mortal('prober', prober),
      sensors: world.sensors,
      doctor: world.doctor,
      identityProvider: world.identityProvider,
      history: world.history,
      clock: this.#mortal('clock', clock),
      random,
      log: silentLog,
    };
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Dies at the `passes`-th moment from now: each call has one before its effect and one after. */
  killAfter(passes: number): void {
    this.#left = passes;
  }

  /** It lives on. */
  spare(): void {
    this.#left = Infinity;
  }

  kill(): void {
    if (this.#isDead) return;
    this.#isDead = true;
    void this.#hypervisor.close();
    this.#onDeath();
  }

  #mortal<T extends object>(part: string, target: T): T {
    return new Proxy(target, {
      get: (_, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: unknown[]) => unknown;
        const call = `${part}.${String(name)}`;
        if (immediate.has(call)) return method;
        if (call === 'hypervisor.agent' || call === 'hypervisor.hardware')
          return (uid: string) => this.#mortal(String(name), method(uid) as object);
        if (call === 'hypervisor.watch' || call === 'network.onChange')
          return (listener: (event: unknown) => void) => method((event: unknown) => this.#isDead || listener(event));
        return (...args: unknown[]) => this.#call(call, () => method(...args) as Promise<unknown>);
      },
    });
  }

  async #call(call: string, work: () => Promise<unknown>): Promise<unknown> {
    if (!this.#pass()) return forever;
    try {
      const value = await this.#withFault(call, work);
      return this.#pass() ? value : forever;
    } catch (error) {
      if (!this.#pass()) return forever;
      throw error;
    }
  }

  async #withFault(call: string, work: () => Promise<unknown>): Promise<unknown> {
    const fault = this.#faults.take(call);
    if (!fault) return work();
    const { clock } = this.#world;
    switch (fault.how) {
      case 'fail':
        throw new CaissonError('failed', `${call} failed`);
      case 'fail-after':
        await work();
        throw new CaissonError('failed', `${call} failed`);
      case 'hang':
        await clock.sleep(fault.ms);
        throw new CaissonError('timeout', `${call} took too long`);
      case 'slow':
        await clock.sleep(fault.ms);
        return this.#isDead ? undefined : work();
    }
  }

  /** False: it is dead. */
  #pass(): boolean {
    if (!this.#isDead && --this.#left <= 0) this.kill();
    return !this.#isDead;
  }
}

const forever = new Promise<never>(() => undefined);
