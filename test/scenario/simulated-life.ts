// A simulated site whose time is a test's own: hours pass in milliseconds, and nothing happens by chance.
import assert from 'node:assert/strict';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon, type SimulatedWorld } from '../../src/daemon/simulate.ts';
import { FakeClock } from '../../src/lib/clock.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import type { Job } from '../../src/model/job.ts';
import { parseSiteFile } from '../../src/model/site-file.ts';

const bootMs = 2000;
/** Time passes in small steps, and in long ones where nobody looks closely. */
const stepMs = 50;
const longStepMs = 1000;

export class SimulatedLife {
  readonly clock = new FakeClock();
  readonly world: SimulatedWorld;
  #daemon: SimulatedDaemon | undefined;

  constructor(options: { startsAtOnce?: number } = {}) {
    this.world = createSimulatedWorld({ clock: this.clock });
    if (options.startsAtOnce !== undefined) this.world.identity.startsAtOnce = options.startsAtOnce;
  }

  get daemon(): SimulatedDaemon {
    return this.#daemon ?? assert.fail('no daemon runs');
  }

  get engine(): SimulatedDaemon['engine'] {
    return this.daemon.engine;
  }

  async start(): Promise<void> {
    this.#daemon = await startSimulatedDaemon({ world: this.world, bootMs });
  }

  /** Ends the daemon; guests run on. */
  async end(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    if (daemon) await this.during(daemon.close());
  }

  /** The host loses its power, and starts anew. */
  async loseHost(): Promise<void> {
    await this.end();
    this.world.host.processes.clear();
    this.world.identity.bootId = `${this.world.identity.bootId}+`;
    await this.start();
  }

  /** Guests by name, each with what its entry says; image, zone, memory and disk are the same for all. */
  async apply(guests: Record<string, string>): Promise<Job> {
    return this.done(await this.beginApply(guests));
  }

  beginApply(guests: Record<string, string>): Promise<Job> {
    const lines = Object.entries(guests).map(
      ([name, fields]) =>
        `  ${name}: { image: debian-12, zone: inside, memory: 128MiB, disks: { root: 2GiB }${fields === '' ? '' : `, ${fields}`} }\n`,
    );
    const text = `version: 1\nsite: lab\nzones: { inside: { subnets: [10.20.0.0/16] } }\nguests:\n${lines.join('')}`;
    const parsed = parseSiteFile(text, () => undefined);
    assert.ok('site' in parsed, JSON.stringify(parsed));
    return this.engine.applySite(parsed.site, { prune: true, deleteDisks: false, overwrite: true }, 'test');
  }

  /** The job's end. */
  async done(job: Job | Promise<Job>): Promise<Job> {
    const { uid } = await job;
    return this.during(this.engine.jobs.wait(uid));
  }

  guest(name: string): Guest {
    return this.engine.guests().find((guest) => guest.name === name) ?? assert.fail(`no guest ${name}`);
  }

  reason(name: string): string {
    return this.guest(name).status.reason;
  }

  /** Lets time pass until something holds; says after which time, in milliseconds. */
  async until(what: string, condition: () => boolean, limitMs = 3_600_000): Promise<number> {
    const from = this.clock.now();
    while (!condition()) {
      assert.ok(this.clock.now() - from < limitMs, `${what}: not after ${limitMs} ms; ${JSON.stringify(this.states())}`);
      await this.pass(stepMs);
    }
    return this.clock.now() - from;
  }

  async pass(ms: number): Promise<void> {
    const step = ms > 20 * longStepMs ? longStepMs : stepMs;
    for (let passed = 0; passed < ms; passed += step) {
      await this.clock.advance(Math.min(step, ms - passed));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Time passes while something is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    const progress = { isOver: false };
    const over = work.finally(() => (progress.isOver = true));
    over.catch(() => undefined);
    const from = this.clock.now();
    while (!progress.isOver) {
      assert.ok(this.clock.now() - from < 7_200_000, `not done after two hours; ${JSON.stringify(this.states())}`);
      await this.pass(stepMs);
    }
    return over;
  }

  states(): Record<string, string> {
    const guests = this.#daemon?.engine.guests() ?? [];
    return Object.fromEntries(guests.map(({ name, status }) => [name, `${status.power}${status.ready ? ' ready' : ''}: ${status.reason}`]));
  }

  async events(kind?: string): Promise<string[]> {
    await this.engine.events.flush();
    const all = await this.engine.events.list({ limit: 1000 });
    return all.filter((event) => kind === undefined || event.kind === kind).map(({ message }) => message);
  }
}
