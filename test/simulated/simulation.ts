// One schedule played on a simulated site: real engine, jobs and stores; fake hypervisor, network and files; time that passes by steps.
// After every step what must always hold is looked at; in the end faults are over, and the site must become what is wanted.
import { createFakeProber } from '../../src/drivers/fake/prober.ts';
import { Engine } from '../../src/engine/engine.ts';
import { describeError, toCaissonError } from '../../src/lib/errors.ts';
import type { Guest } from '../../src/model/guest-status.ts';
import type { Job } from '../../src/model/job.ts';
import type { Site } from '../../src/model/site.ts';
import { documentOf, roomMib } from './documents.ts';
import { CallFaults, MortalParts } from './mortal-parts.ts';
import type { Fault, Operation, Step } from './schedule.ts';
import { type Broken, type Violation, WatchedWorld } from './watched-world.ts';

/** Longer than any limit in the documents and the engine. */
const longestMs = 6 * 60_000;

/** Operations that look at what is asked before they do anything. */
const refusing = new Set<Operation['do']>([
  'apply',
  'apply-too-large',
  'apply-shrunk',
  'pause',
  'resume',
  'rename',
  'set',
  'delete',
  'image-delete',
]);

export interface Outcome {
  /** So often did a daemon die. */
  deaths: number;
  violation?: Violation & { step: number };
  /** What was done and what became of it, a line each. */
  transcript: string[];
}

interface Asked {
  operation: Operation;
  /** The guest that it is about. */
  uid: string | undefined;
  before: string;
  /** Nothing else was asked for or went wrong while it was at work. */
  isAlone: boolean;
  hasEnded: boolean;
}

interface Wish {
  site: Site;
  guests: Record<string, { name: string; wantedPower: string; identity: string }>;
}

export interface PlayOptions {
  seed?: number;
  broken?: readonly Broken[];
  /** How long the site may take in the end; twice that after a restart of the daemon. */
  settleMs?: number;
}

export async function play(schedule: readonly Step[], options: PlayOptions = {}): Promise<Outcome> {
  const simulation = new Simulation(options.seed ?? 1, options.broken ?? []);
  for (const [index, step] of schedule.entries()) {
    await simulation.take(step);
    const violation = simulation.violation;
    if (violation) return { violation: { ...violation, step: index }, transcript: simulation.transcript, deaths: simulation.deaths };
  }
  const { deaths } = simulation;
  await simulation.settle(options.settleMs ?? longestMs);
  const { violation, transcript } = simulation;
  return violation ? { violation: { ...violation, step: schedule.length }, transcript, deaths } : { transcript, deaths };
}

class Simulation {
  readonly transcript: string[] = [];
  deaths = 0;
  readonly #watched: WatchedWorld;
  readonly #faults = new CallFaults();
  readonly #lost = new Set<string>();
  /** Guests that go down by themselves, or later than whoever asked them waited: they are meant to stay down. */
  readonly #wentDown = new Set<string>();
  readonly #silent = new Set<string>();
  #asked: Asked[] = [];
  #acknowledged: Wish | undefined;
  /** The apply after which nothing was asked for, and its job. */
  #last: Operation | undefined;
  #lastJob = '';
  #hasLastEnded = false;
  /** No job was at work when it was looked at last. */
  #isQuiet = true;
  #parts: MortalParts | undefined;
  #engine: Engine | undefined;
  #opening: Promise<unknown> | undefined;
  #again: number | undefined;
  #downMs = 0;

  constructor(seed: number, broken: readonly Broken[]) {
    this.#watched = new WatchedWorld(seed, broken);
    this.#open();
  }

  get violation(): Violation | undefined {
    return this.#watched.violations[0];
  }

  async take(step: Step): Promise<void> {
    await this.#pass(0);
    this.#say(JSON.stringify(step));
    if ('do' in step) this.#ask(step);
    else await this.#harm(step);
    await this.#pass(step.thenMs);
    this.#watched.check();
    await this.#watched.checkStore();
    await this.#checkWish();
  }

  /** Faults are over: in the end the site is as wanted. */
  async settle(settleMs: number): Promise<void> {
    const { world, host } = this.#watched;
    this.#say('faults are over');
    this.#faults.clear();
    this.#parts?.spare();
    this.#again = undefined;
    this.#silent.clear();
    for (const uid of host.processes.keys()) host.thaw(uid);
    for (const uid of new Set([...host.processes.keys(), ...(this.#engine?.guests() ?? []).map((guest) => guest.uid)]))
      host.behave(uid, { agent: 'answers', ignoresPowerButton: false, bootMs: 2000 });
    await this.#pass(settleMs);
    await this.#checkNetwork();
    await this.#checkNoJob();
    // The next daemon, whatever this one still waits for.
    await this.#end();
    await this.#pass(2 * settleMs);
    this.#watched.check();
    await this.#watched.checkStore();
    await this.#checkWish();
    const engine = this.#engine;
    if (!engine) return this.#watched.note('the site becomes what is wanted', 'the daemon does not start');
    for (const guest of engine.guests()) await this.#checkGuest(guest);
    for (const uid of host.processes.keys())
      if (!engine.guests().some((guest) => guest.uid === uid))
        this.#watched.note('the site becomes what is wanted', `a process of ${uid} runs, which the site does not know`);
    await this.#checkNetwork();
    // Whoever asked for it may hear of its end from another daemon.
    if (this.#last?.do === 'apply' && (await world.journal.getJob(this.#lastJob))?.state === 'succeeded')
      await this.#checkApplied(this.#last.document);
    await this.#checkNoJob();
    await this.#end();
  }

  /** Everything that is waited for has a limit. */
  async #checkNoJob(): Promise<void> {
    const running = await this.#watched.world.journal.listJobs({ state: 'running' });
    if (running.length > 0)
      this.#watched.note('the site becomes what is wanted', `jobs do not end: ${running.map(({ title }) => title).join(', ')}`);
  }

  async #checkNetwork(): Promise<void> {
    const engine = this.#engine;
    if (!engine || engine.zones().length === 0) return;
    const { rulesInForce, problem } = (await engine.host()).network;
    if (!rulesInForce) this.#watched.note('the site becomes what is wanted', `the network: ${problem}`);
    const observed = await this.#watched.world.network.observe();
    if (!observed.rules.inForce) this.#watched.note('the site becomes what is wanted', `the network: ${observed.rules.why}`);
  }

  async #checkGuest({ uid, name, wantedPower, status }: Guest): Promise<void> {
    const { host, world } = this.#watched;
    const process = host.processes.get(uid);
    const wrong = (what: string) =>
      this.#watched.note(
        'the site becomes what is wanted',
        `guest ${name} (wanted ${wantedPower}): ${what}: ${status.power}, ${status.reason}`,
      );
    if (wantedPower === 'stopped' && process) return wrong('its process runs');
    if (wantedPower === 'stopped' && status.power !== 'stopped' && status.power !== 'crashed') return wrong('is not told as stopped');
    if (wantedPower === 'paused' && process && !['paused', 'halted'].includes(process.observation.state)) return wrong('is not paused');
    if (wantedPower !== 'running') return;
    if ((process === undefined) !== ['stopped', 'crashed', 'starting'].includes(status.power)) return wrong('is told as it is not');
    if (process?.observation.state === 'halted' || process?.observation.state === 'paused') return;
    if (!process) {
      const isExcused = [uid, ...this.#requiredBy(name)].some((one) => this.#isHopeless(one)) || status.reason.includes('MiB');
      if (!isExcused) wrong('does not run');
      return;
    }
    if (!status.ready && !this.#requiredBy(name).some((one) => this.#isHopeless(one))) return wrong('is not ready');
    const taps = (await world.network.observe()).taps;
    for (const nic of status.nics) {
      if (!taps.includes(nic.tap)) wrong(`its nic ${nic.tap} is not connected`);
      const rules = world.network.state?.nics.find(({ tap }) => tap === nic.tap);
      if (JSON.stringify(rules?.addresses) !== JSON.stringify(nic.addresses)) wrong('the rules have other addresses');
    }
  }

  #requiredBy(name: string, seen = new Set<string>()): string[] {
    const guest = this.#engine?.guests().find((one) => one.name === name);
    const on = guest?.spec.after.flatMap((dependency) => Object.values(dependency)) ?? [];
    return on.flatMap((other) => {
      if (seen.has(other)) return [];
      seen.add(other);
      const found = this.#engine?.guests().find((one) => one.name === other);
      return found ? [found.uid, ...this.#requiredBy(other, seen)] : [];
    });
  }

  /** It cannot run, whatever the daemon does: a disk of it is gone, or somebody wants it to be down. */
  #isHopeless(uid: string): boolean {
    const guest = this.#engine?.guests().find((one) => one.uid === uid);
    if (!guest) return false;
    const memory = guest.status.reason.includes('MiB');
    return (
      memory ||
      guest.wantedPower !== 'running' ||
      guest.status.restart?.givenUp === true ||
      [...this.#lost].some((path) => path.includes(`/${uid}/`)) ||
      this.#watched.host.processes.get(uid)?.observation.state === 'halted'
    );
  }

  #open(): void {
    const { world } = this.#watched;
    const prober = createFakeProber({ isUp: (address) => this.#answers(address), mayReach: () => true });
    const parts: MortalParts = new MortalParts(world, this.#watched.openHypervisor(), prober, this.#faults, () => this.#died(parts));
    this.#parts = parts;
    this.#engine = undefined;
    this.#opening = Engine.open(parts.parts).then(
      (engine) => {
        if (this.#parts !== parts || parts.isDead) return;
        this.#engine = engine;
        this.#say(`the daemon is there: ${engine.guests().length} guests`);
      },
      (error: unknown) => {
        this.#say(`the daemon does not start: ${describeError(error)}`);
        if (this.#parts === parts) parts.kill();
      },
    );
    void this.#opening;
  }

  #died(parts: MortalParts): void {
    if (this.#parts !== parts) return;
    this.#say('the daemon is dead');
    this.deaths++;
    this.#engine = undefined;
    this.#parts = undefined;
    this.#isQuiet = false;
    // What was asked of it is in the journal, or was never begun.
    for (const asked of this.#asked) Object.assign(asked, { isAlone: false, hasEnded: true });
  }

  /** The daemon ends in order, and the next one starts. */
  async #end(): Promise<void> {
    const parts = this.#parts;
    const closing = this.#engine?.close();
    closing?.catch(() => undefined);
    await this.#watched.clock.advance(1000);
    await this.#watched.clock.advance(60_000);
    if (this.#parts === parts) parts?.kill();
    this.#open();
    await this.#watched.clock.advance(0);
    await turns();
  }

  /** Time passes; a daemon that is dead is started again after its time. */
  async #pass(ms: number): Promise<void> {
    await turns();
    let left = ms;
    for (let round = 0; round < 50; round++) {
      if (!this.#parts) {
        const downMs = this.#downMs;
        this.#downMs = 100;
        await this.#watched.clock.advance(downMs);
        this.#open();
        if (this.#again !== undefined) (this.#parts as MortalParts | undefined)?.killAfter(this.#again);
        this.#again = undefined;
      }
      // In pieces, so that one who dies in the middle is back in time.
      const piece = Math.min(left, 10_000);
      await this.#watched.clock.advance(piece);
      await turns();
      left -= piece;
      if (left <= 0 && this.#parts) break;
      if (round === 49 && left > 0) left = 0;
      if (left > 0) round--;
    }
    await turns();
  }

  #ask(operation: Operation): void {
    const engine = this.#engine;
    if (!engine) return this.#say('  nobody is there to ask');
    const guests = engine.guests();
    const guest = 'guest' in operation ? guests[operation.guest % Math.max(1, guests.length)] : undefined;
    if ('guest' in operation && !guest) return;
    for (const other of this.#asked) if (!other.hasEnded) other.isAlone = false;
    const isAlone = this.#isQuiet && this.#asked.every((other) => other.hasEnded);
    if (guest && (operation.do === 'shutdown' || operation.do === 'reboot')) this.#wentDown.add(guest.uid);
    const asked: Asked = { operation, uid: guest?.uid, before: JSON.stringify(this.#wish(engine)), isAlone, hasEnded: false };
    this.#asked.push(asked);
    this.#acknowledged = undefined;
    const isCareless = this.#watched.broken.has('a refused site is written');
    const begun = begin(engine, operation, guest, isCareless);
    this.#last = operation.do === 'apply' ? operation : undefined;
    // Until there is a job: that of an earlier apply says nothing about this one.
    this.#lastJob = '';
    this.#hasLastEnded = false;
    begun
      .then((job) => {
        if (this.#last === operation) this.#lastJob = job.uid;
        return engine.jobs.wait(job.uid);
      })
      .then(
        (job) => this.#ended(engine, asked, job),
        (error: unknown) => this.#refused(engine, asked, error),
      );
  }

  #ended(engine: Engine, asked: Asked, job: Job): void {
    if (this.#engine !== engine) return;
    this.#say(`  ${asked.operation.do}: ${job.state}${job.error ? `, ${job.error.code}: ${job.error.message}` : ''}`);
    asked.hasEnded = true;
    if (asked.operation === this.#last) this.#hasLastEnded = true;
    // Asked for before, and done after.
    else if (this.#hasLastEnded && /^(apply|destroy)/.test(asked.operation.do)) this.#last = undefined;
    if (job.state === 'succeeded') this.#checkDone(engine, asked);
    else if (
      job.error &&
      refusing.has(asked.operation.do) &&
      ['invalid', 'conflict', 'no-capacity', 'not-allowed', 'not-found'].includes(job.error.code)
    )
      this.#checkUnchanged(engine, asked, job.error.message);
  }

  #refused(engine: Engine, asked: Asked, error: unknown): void {
    if (this.#engine !== engine) return;
    const { code, message } = toCaissonError(error);
    this.#say(`  ${asked.operation.do}: ${code}, ${message}`);
    asked.hasEnded = true;
    if (code === 'internal')
      this.#watched.note(
        'failed input changes nothing',
        `${asked.operation.do} met a defect: ${message} ${error instanceof Error ? error.stack : ''}`,
      );
    this.#checkUnchanged(engine, asked, message);
  }

  #checkUnchanged(engine: Engine, asked: Asked, message: string): void {
    if (!asked.isAlone || JSON.stringify(this.#wish(engine)) === asked.before) return;
    this.#watched.note('failed input changes nothing', `${JSON.stringify(asked.operation)} failed (${message}) and changed the site`);
  }

  /** What has just been told as done is so. */
  #checkDone(engine: Engine, { operation, uid, isAlone }: Asked): void {
    if (!isAlone) return;
    const { host } = this.#watched;
    const wrong = (what: string) =>
      this.#watched.note('what was acknowledged exists', `${JSON.stringify(operation)} succeeded, and ${what}`);
    const guests = engine.guests();
    const guest = guests.find((one) => one.uid === uid);
    switch (operation.do) {
      case 'apply': {
        void this.#checkApplied(operation.document);
        return;
      }
      case 'apply-too-large':
      case 'apply-shrunk':
        return;
      case 'start':
        if (guest?.wantedPower !== 'running') wrong('it is not wanted to run');
        return;
      case 'stop':
      case 'shutdown':
        if (uid !== undefined && host.processes.has(uid)) wrong('its process is there');
        if (guest?.wantedPower !== 'stopped') wrong('it is wanted to run');
        return;
      case 'pause':
      case 'resume':
        if (guest?.wantedPower !== (operation.do === 'pause' ? 'paused' : 'running')) wrong(`it is wanted ${guest?.wantedPower}`);
        return;
      case 'rename':
        if (guest?.name !== operation.name) wrong(`it is called ${guest?.name}`);
        return;
      case 'set':
        if (guest?.spec.cpus !== operation.cpus) wrong(`it is wanted to have ${guest?.spec.cpus} processors`);
        if (operation.disk && (guest?.spec.disks['extra'] !== undefined) !== (operation.disk === 'in')) wrong('its disk is as it was');
        if (operation.nic && guest?.spec.nics.some(({ zone }) => zone === operation.zone) !== (operation.nic === 'in'))
          wrong('its nics are as they were');
        return;
      case 'delete':
        if (guest) wrong('it is there');
        return;
      case 'destroy':
        if (guests.length > 0 || host.processes.size > 0) wrong('something is left');
        return;
      case 'host-shutdown':
        for (const other of host.processes.keys()) wrong(`guest ${other} runs`);
        return;
      case 'reboot':
      case 'image-build':
      case 'image-delete':
      case 'cancel':
        return;
    }
  }

  /** It is remembered as the file that was applied last. */
  async #checkApplied(document: number): Promise<void> {
    const { rows } = await this.#watched.world.store.list('applied/guests/');
    const applied = new Map(rows.map((row) => [row.key, row.value]));
    for (const [name, spec] of Object.entries(documentOf(document).guests))
      if (!sameValue(applied.get(`applied/guests/${name}`), spec))
        this.#watched.note('what was acknowledged exists', `document ${document} was applied, and guest ${name} is not remembered so`);
  }

  /** While nobody asks for anything the wish stays what it was, whoever dies. */
  async #checkWish(): Promise<void> {
    const engine = this.#engine;
    if (!engine) return;
    // Asked behind its back: it may die of any question.
    const jobs = await this.#watched.world.journal.listJobs({ state: 'running' });
    if (jobs.length > 0 || this.#asked.some((asked) => !asked.hasEnded) || this.#engine !== engine) return;
    this.#asked = this.#asked.filter((asked) => !asked.hasEnded);
    this.#isQuiet = true;
    const now = this.#wish(engine);
    const before = this.#acknowledged;
    this.#acknowledged = now;
    if (!before) return;
    for (const uid of this.#wentDown) {
      const [was, is] = [before.guests[uid], now.guests[uid]];
      if (was && is) was.wantedPower = is.wantedPower;
    }
    if (JSON.stringify(before) === JSON.stringify(now)) return;
    this.#watched.note('what was acknowledged exists', `nobody asked for anything, and the wish ${firstDifference(before, now)}`);
  }

  #wish(engine: Engine): Wish {
    const { site } = engine.site();
    const guests = engine.guests().map(({ uid, name, wantedPower, userId, hardware }) => {
      return [uid, { name, wantedPower, identity: JSON.stringify({ userId, hardware }) }] as const;
    });
    return { site: structuredClone(site), guests: Object.fromEntries(guests) };
  }

  async #harm(fault: Fault): Promise<void> {
    const { host, clock, world } = this.#watched;
    for (const asked of this.#asked) asked.isAlone = false;
    if (fault.fault === 'kill') {
      this.#again = fault.again;
      this.#downMs = fault.downMs;
      this.#parts?.killAfter(fault.passes);
      return;
    }
    if (fault.fault === 'restart') return this.#end();
    if (fault.fault === 'call') return this.#faults.add(fault);
    if (fault.fault === 'rules-lost') return world.network.loseRules('somebody flushed them');
    if (fault.fault === 'names-lost') return world.network.loseNames();
    if (fault.fault === 'clock') return clock.jump(fault.ms);
    if (fault.fault === 'power-cut') {
      this.#downMs = fault.downMs;
      this.#parts?.kill();
      host.cutPower();
      world.identity.bootId = `${world.identity.bootId}+`;
      await world.network.remove();
      return;
    }
    const guests = this.#engine?.guests() ?? [];
    const guest = guests[fault.guest % Math.max(1, guests.length)];
    if (!guest) return;
    const { uid } = guest;
    if (fault.fault === 'agent') return host.behave(uid, { agent: fault.agent });
    if (fault.fault === 'boot') return host.behave(uid, { bootMs: fault.bootMs });
    if (fault.fault === 'deaf') return host.behave(uid, { ignoresPowerButton: true });
    if (fault.fault === 'silent-service') return void this.#silent.add(uid);
    if (fault.fault === 'disk-lost') {
      if (!(await world.guestFiles.disk(uid, fault.disk))) return;
      this.#lost.add(`/fake/guests/${uid}/${fault.disk}.qcow2`);
      return world.guestFiles.loseDisk(uid, fault.disk);
    }
    if (!host.processes.has(uid)) return;
    switch (fault.fault) {
      case 'crash':
        return host.crash(uid);
      case 'freeze':
        return host.freeze(uid);
      case 'thaw':
        return host.thaw(uid);
      case 'shut-down':
        this.#wentDown.add(uid);
        return host.shutDown(uid);
      case 'reboot':
        return host.reboot(uid);
      case 'halt':
        return host.halt(uid, fault.why);
    }
  }

  #answers(address: string): boolean {
    const { host, clock } = this.#watched;
    const nic = this.#watched.world.network.state?.nics.find((one) => one.addresses.includes(address));
    const process = nic && this.#watched.connected.has(nic.tap) ? host.processes.get(nic.guest) : undefined;
    if (!nic || !process || process.isFrozen || this.#silent.has(nic.guest)) return false;
    return process.observation.state === 'running' && process.bootedAt <= clock.monotonic();
  }

  #say(line: string): void {
    this.transcript.push(`${(this.#watched.clock.monotonic() / 1000).toFixed(3).slice(-11)}  ${line}`);
  }
}

/** The promise of the job; what is refused at once rejects it too. */
async function begin(engine: Engine, operation: Operation, guest: Guest | undefined, isCareless: boolean): Promise<Job> {
  const actor = 'somebody';
  const uid = guest?.uid ?? '';
  switch (operation.do) {
    case 'apply':
      return engine.applySite(documentOf(operation.document), operation, actor);
    case 'apply-too-large': {
      const site = documentOf(operation.document);
      if (isCareless)
        await engine.jobs.wait((await engine.applySite(site, { prune: false, deleteDisks: false, overwrite: true }, actor)).uid);
      for (const spec of Object.values(site.guests)) Object.assign(spec, { autostart: true, memoryMib: roomMib });
      return engine.applySite(site, { prune: true, deleteDisks: true, overwrite: true }, actor);
    }
    case 'apply-shrunk': {
      const { site } = structuredClone(engine.site());
      const spec = guest && site.guests[guest.name];
      if (spec) spec.disks['root'] = { sizeMib: 512, bus: 'virtio' };
      return engine.applySite(site, { prune: false, deleteDisks: false, overwrite: true }, actor);
    }
    case 'start':
      return engine.startGuest(uid, actor);
    case 'stop':
      return engine.stopGuest(uid, actor);
    case 'pause':
      return engine.pauseGuest(uid, actor);
    case 'resume':
      return engine.resumeGuest(uid, actor);
    case 'shutdown':
      return engine.shutdownGuest(uid, operation, actor);
    case 'reboot':
      return engine.rebootGuest(uid, operation, actor);
    case 'rename':
      return engine.renameGuest(uid, operation.name, actor);
    case 'set': {
      const { cpus, disk, nic, zone } = operation;
      const change = {
        cpus,
        ...(disk && { disks: { extra: disk === 'in' ? { sizeMib: 256 } : null } }),
        ...(nic && { nics: { [zone]: nic === 'in' ? { addresses: [] } : null } }),
      };
      return engine.setGuest(uid, change, actor);
    }
    case 'delete':
      return engine.deleteGuest(uid, operation, actor);
    case 'destroy':
      return engine.destroySite(operation, actor);
    case 'host-shutdown':
      return engine.shutdownHost(operation, actor);
    case 'image-build':
      return engine.buildImage(operation.name, actor);
    case 'image-delete':
      return engine.deleteImage(operation.name, actor);
    case 'cancel': {
      const [job] = await engine.jobs.list({ state: 'running' });
      return job ? engine.jobs.cancel(job.uid) : engine.buildImage('debian-12', actor);
    }
  }
}

/** Everything that waits for nothing but the processor. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function sameValue(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function firstDifference(before: Wish, now: Wish): string {
  const gone = Object.keys(before.guests).filter((uid) => !now.guests[uid]);
  if (gone.length > 0) return `lost guest ${gone.join(', ')}`;
  const fresh = Object.keys(now.guests).filter((uid) => !before.guests[uid]);
  if (fresh.length > 0) return `got guest ${fresh.join(', ')}`;
  for (const [uid, was] of Object.entries(before.guests)) {
    const is = now.guests[uid];
    if (JSON.stringify(was) !== JSON.stringify(is)) return `changed guest ${was.name}: ${JSON.stringify(was)} → ${JSON.stringify(is)}`;
  }
  return 'changed the site';
}
