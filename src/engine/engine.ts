// The engine: the use cases of one host over its parts. `open` reads the store, takes over what runs, and begins to keep the site as it is
// wanted; nothing that it knows is in memory only.
import { CaissonError } from '../lib/errors.ts';
import { within } from '../lib/within.ts';
import type { Audit } from '../model/audit.ts';
import type { GuestChange } from '../model/guest-change.ts';
import { type Guest, type GuestGoal, type GuestRecord, hasReached } from '../model/guest-status.ts';
import type { GuestStats } from '../model/guest-stats.ts';
import type { Host } from '../model/host.ts';
import type { ImageView } from '../model/image-view.ts';
import { type Image, imageSchema } from '../model/image.ts';
import type { Job } from '../model/job.ts';
import { nameSchema } from '../model/name.ts';
import { withoutPrivateTexts } from '../model/private-texts.ts';
import type { Site } from '../model/site.ts';
import type { Advice, GuestHistory, Resolution } from '../model/usage.ts';
import type { HostExamination } from '../model/host-check.ts';
import type { Zone } from '../model/zone.ts';
import type { ZoneCheck, ZoneView } from '../model/zone-check.ts';
import { whoSpeaksOf } from '../plan/who-speaks.ts';
import { Access } from './access.ts';
import { Accounts } from './accounts.ts';
import { Auditor } from './audit.ts';
import { createEvents, type Events } from './events.ts';
import { FlowService } from './flows.ts';
import { GuestBoard, type LiveStatus } from './guest-board.ts';
import { GuestConsoles } from './guest-consoles.ts';
import { Guests } from './guests.ts';
import { HostShutdown } from './host-shutdown.ts';
import { HostPressure } from './host-pressure.ts';
import { viewHost } from './host-view.ts';
import { ImageService } from './images.ts';
import { type GuestJobKind, type JobInputs, JobWorks } from './job-works.ts';
import { createJobs, type JobOptions, type Jobs } from './jobs.ts';
import { NetworkReconciler } from './network.ts';
import type { EngineParts } from './parts.ts';
import { Readiness } from './readiness.ts';
import { type ApplyOptions, siteKey, type SitePlan, SiteService } from './site.ts';
import { SiteStore } from './site-store.ts';
import { Takeover } from './takeover.ts';
import { ZoneChecker } from './zone-check.ts';
import { UsageHistory } from './usage.ts';
import { viewZone, viewZones, zoneOf } from './zones.ts';

export interface ShutdownGuestOptions {
  /** In place of the guest's own limits, in their proportion. */
  timeoutMs?: number | undefined;
  force?: boolean | undefined;
  /** What becomes of running guests that require it; default `refuse`. */
  dependents?: 'refuse' | 'first' | 'leave' | undefined;
}

/** What rights on a guest depend on. */
export interface GuestPlace {
  uid: string;
  zones: string[];
}

function placeOf({ uid, spec }: GuestRecord): GuestPlace {
  return { uid, zones: [...new Set(spec.nics.map(({ zone }) => zone))] };
}

export class Engine {
  readonly events: Events;
  readonly jobs: Jobs;
  readonly flows: FlowService;
  readonly access: Access;
  readonly consoles: GuestConsoles;
  readonly #parts: EngineParts;
  readonly #site: SiteStore;
  readonly #board: GuestBoard;
  readonly #guests: Guests;
  readonly #images: ImageService;
  readonly #network: NetworkReconciler;
  readonly #readiness: Readiness;
  readonly #sites: SiteService;
  readonly #works: JobWorks;
  readonly #takeover: Takeover;
  readonly #hostShutdown: HostShutdown;
  readonly #checker: ZoneChecker;
  readonly #auditor: Auditor;
  readonly #usage: UsageHistory;
  readonly #pressure: HostPressure;
  readonly #startedAt: string;
  readonly #ending = new AbortController();

  private constructor(parts: EngineParts, site: SiteStore, board: GuestBoard, events: Events, accounts: Accounts) {
    this.#parts = parts;
    this.#site = site;
    this.#board = board;
    this.events = events;
    const { journal, clock, random, log } = parts;
    this.jobs = createJobs({ journal, clock, random, log, events });
    this.#images = new ImageService({ parts, site, events });
    this.#network = new NetworkReconciler({ parts, site, events, isRunning: (uid) => board.hasProcess(uid) });
    this.#readiness = new Readiness({ parts, board, events, record: (uid) => site.guests.get(uid), find: (name) => site.findGuest(name) });
    const wiring = { parts, site, board, events, images: this.#images, network: this.#network, readiness: this.#readiness };
    this.#guests = new Guests(wiring, (uid) => this.#startAgain(uid));
    this.#usage = new UsageHistory(wiring);
    this.#pressure = new HostPressure({ parts, events });
    this.#sites = new SiteService({
      parts,
      site,
      board,
      events,
      guests: this.#guests,
      images: this.#images,
      network: this.#network,
      forgetRoles: (zones) => this.access.users.forgetZones(zones),
    });
    this.#hostShutdown = new HostShutdown({
      bootId: parts.host.bootId,
      clock,
      log,
      jobs: this.jobs,
      guests: this.#guests,
      sites: this.#sites,
    });
    this.#works = new JobWorks({
      site,
      guests: this.#guests,
      images: this.#images,
      sites: this.#sites,
      hostShutdown: this.#hostShutdown,
    });
    this.#takeover = new Takeover(
      {
        journal,
        log,
        site,
        events,
        jobs: this.jobs,
        works: this.#works,
        guests: this.#guests,
        network: this.#network,
        sites: this.#sites,
        hostShutdown: this.#hostShutdown,
      },
      this.#ending.signal,
    );
    this.consoles = new GuestConsoles({ parts, site, guests: this.#guests });
    this.flows = new FlowService({ site, network: this.#network });
    this.#checker = new ZoneChecker({ parts, site, board, events, network: this.#network });
    this.#auditor = new Auditor({ parts, site, board, network: this.#network, lastCheck: () => this.#checker.lastOrNone });
    this.access = new Access({
      store: parts.store,
      accounts,
      clock,
      events,
      identityProvider: parts.identityProvider,
      scopes: {
        siteName: () => site.name,
        guest: (nameOrUid) => site.guests.get(nameOrUid) ?? site.findGuest(nameOrUid),
        hasZone: (name) => site.zones.has(name),
      },
    });
    this.#startedAt = board.now();
  }

  /** Opens the store, adopts running guests, resumes what an earlier daemon began, and starts what is wanted to run and does not. */
  static async open(parts: EngineParts): Promise<Engine> {
    const events = createEvents(parts);
    const site = await SiteStore.open(parts.store);
    const board = await GuestBoard.open({
      ...parts,
      bootId: parts.host.bootId,
      isBridged: (zone) => site.zones.get(zone)?.zone.bridged ?? false,
      isKnown: (uid) => site.guests.has(uid),
    });
    const accounts = await Accounts.open(parts.store, parts.log);
    const engine = new Engine(parts, site, board, events, accounts);
    await engine.#begin();
    return engine;
  }

  async #begin(): Promise<void> {
    const { signal } = this.#ending;
    await this.#takeover.begin();
    void this.#network.watch();
    void this.#guests.watch(signal);
    void this.#guests.sizes.watch(signal);
    void this.#usage.watch(signal);
    void this.#pressure.watch(signal);
  }

  /** Lets go: guests run on. */
  async close(): Promise<void> {
    this.#ending.abort(new Error('the daemon ends'));
    this.#network.close();
    this.#readiness.close();
    this.#guests.close();
    await this.jobs.close();
    this.events.emit({ kind: 'daemon-ended', message: 'the daemon ends; guests run on' });
    await this.events.close();
    await this.#parts.hypervisor.close();
  }

  site(): { revision: number; site: Site } {
    return { revision: this.#site.revision, site: this.#site.site() };
  }

  planSite(site: Site, options: ApplyOptions): Promise<SitePlan> {
    return this.#sites.plan(site, options);
  }

  applySite(site: Site, options: ApplyOptions, actor: string): Promise<Job> {
    this.#hostShutdown.refuseStarts();
    return this.#start(
      'site-apply',
      { site, options },
      { title: `Apply site ${site.site}`, objects: ['site'], actor, exclusive: [siteKey] },
    );
  }

  async destroySite(options: { deleteDisks: boolean }, actor: string): Promise<Job> {
    await this.#hostShutdown.giveUpJobs();
    const title = `Destroy site ${this.#site.name}`;
    return this.#start('site-destroy', options, { title, objects: ['site'], actor, exclusive: [siteKey] });
  }

  guests(): Guest[] {
    return this.#records().map((record) => this.#board.view(record));
  }

  /** The JSON of each of them, as bytes; of those that are `veiled` without their private texts. */
  guestsJson(only?: (uid: string) => boolean, veiled?: (uid: string) => boolean): Buffer[] {
    return this.#records(only).map((record) =>
      record.spec.userData !== undefined && veiled?.(record.uid)
        ? Buffer.from(JSON.stringify(withoutPrivateTexts(this.#board.view(record))))
        : this.#board.viewJson(record),
    );
  }

  #records(only?: (uid: string) => boolean): GuestRecord[] {
    const all = [...this.#site.guests.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return only ? all.filter(({ uid }) => only(uid)) : all;
  }

  /** Where a guest belongs to: the zones of its nics. */
  placeOf(nameOrUid: string): GuestPlace | undefined {
    const record = this.#site.guests.get(nameOrUid) ?? this.#site.findGuest(nameOrUid);
    return record && placeOf(record);
  }

  /** Undefined: there is none of that uid, or not any more. */
  guestName(uid: string): string | undefined {
    return this.#site.guests.get(uid)?.name;
  }

  places(): GuestPlace[] {
    return [...this.#site.guests.values()].map(placeOf);
  }

  zoneNames(): string[] {
    return [...this.#site.zones.keys()];
  }

  /** Calls `listener` after every change of what is wanted. */
  onSiteChange(listener: () => void): () => void {
    return this.#site.onChange(listener);
  }

  /** Names of the guests that run and require this one, directly or through others. */
  whoRequires(nameOrUid: string): string[] {
    return this.#guests.whoRequires(this.#site.guest(nameOrUid).uid);
  }

  /** What is wanted of it; another `spec` after each change. Throws `not-found`. */
  guestWish(nameOrUid: string): Pick<GuestRecord, 'name' | 'spec'> {
    return this.#site.guest(nameOrUid);
  }

  /** With the memory that its process costs now. */
  async guest(nameOrUid: string): Promise<Guest> {
    const view = this.#board.view(this.#site.guest(nameOrUid));
    if (view.status.pid === undefined) return view;
    const memoryBytes = await this.#parts.hypervisor.memoryBytes(view.uid);
    return memoryBytes === undefined ? view : { ...view, status: { ...view.status, memoryBytes } };
  }

  /** The guest once it has reached the goal, or as it is when the time is over. */
  async waitForGuest(
    nameOrUid: string,
    { for: goal, timeoutMs, signal }: { for: GuestGoal; timeoutMs: number; signal: AbortSignal },
  ): Promise<{ reached: boolean; guest: Guest }> {
    const { uid } = this.#site.guest(nameOrUid);
    const isOver = (status: Guest['status'] | Readonly<LiveStatus>) => hasReached(goal, status) || !this.#site.guests.has(uid);
    await within(this.#parts.clock, timeoutMs, AbortSignal.any([signal, this.#ending.signal]), (until) =>
      this.#board.until(uid, isOver, until),
    );
    const guest = this.#board.view(this.#site.guest(uid));
    return { reached: hasReached(goal, guest.status), guest };
  }

  /** Throws `not-allowed` when it does not run. */
  async guestStats(nameOrUid: string): Promise<GuestStats> {
    const record = this.#site.guest(nameOrUid);
    const [stats] = await this.#guests.stats([record]);
    if (!stats) throw new CaissonError('not-allowed', `guest “${record.name}” does not run: there is nothing to count`);
    return stats;
  }

  stats(only?: (uid: string) => boolean): Promise<GuestStats[]> {
    return this.#guests.stats(this.#records(only));
  }

  guestHistory(nameOrUid: string, resolution: Resolution): Promise<GuestHistory> {
    return this.#usage.read(this.#site.guest(nameOrUid), resolution);
  }

  /** What their history says about the sizes of guests. */
  advice(only?: (uid: string) => boolean): Promise<Advice[]> {
    return Promise.all(this.#records(only).map((record) => this.#usage.advise(record)));
  }

  startGuest(nameOrUid: string, actor: string): Promise<Job> {
    this.#hostShutdown.refuseStarts();
    const { uid, name } = this.#site.guest(nameOrUid);
    return this.#guestJob('guest-start', { uid }, `Start guest ${name}`, actor);
  }

  async #startAgain(uid: string): Promise<void> {
    await this.#guestJob('guest-start', { uid, again: true }, `Start guest ${this.#site.guest(uid).name} again`, 'system');
  }

  shutdownGuest(nameOrUid: string, options: ShutdownGuestOptions, actor: string): Promise<Job> {
    const { uid, name } = this.#site.guest(nameOrUid);
    const { timeoutMs, force = false, dependents = 'refuse' } = options;
    const requiring = this.#guests.whoRequires(uid);
    if (requiring.length > 0 && dependents === 'refuse') {
      const [verb, pronoun] = requiring.length === 1 ? ['requires', 'it'] : ['require', 'them'];
      throw new CaissonError(
        'not-allowed',
        `${requiring.join(', ')} ${verb} guest ${name} and would not be ready without it: “--with-dependents” shuts ${pronoun} down first, “--alone” lets ${pronoun} run`,
      );
    }
    const input = { uid, ...(timeoutMs === undefined ? {} : { timeoutMs }), force, withDependents: dependents === 'first' };
    return this.#guestJob('guest-shutdown', input, `Shut down guest ${name}`, actor);
  }

  stopGuest(nameOrUid: string, actor: string): Promise<Job> {
    const record = this.#site.guest(nameOrUid);
    this.#guests.check('stop', record);
    // Not exclusive: cutting the power must work while something else waits for the guest.
    return this.#guestJob('guest-stop', { uid: record.uid }, `Stop guest ${record.name}`, actor);
  }

  rebootGuest(nameOrUid: string, options: { force?: boolean | undefined }, actor: string): Promise<Job> {
    const { uid, name } = this.#site.guest(nameOrUid);
    return this.#guestJob('guest-reboot', { uid, force: options.force ?? false }, `Reboot guest ${name}`, actor);
  }

  pauseGuest(nameOrUid: string, actor: string): Promise<Job> {
    const record = this.#site.guest(nameOrUid);
    this.#guests.check('pause', record);
    return this.#guestJob('guest-pause', { uid: record.uid }, `Pause guest ${record.name}`, actor);
  }

  resumeGuest(nameOrUid: string, actor: string): Promise<Job> {
    const record = this.#site.guest(nameOrUid);
    this.#guests.check('resume', record);
    return this.#guestJob('guest-resume', { uid: record.uid }, `Resume guest ${record.name}`, actor);
  }

  renameGuest(nameOrUid: string, name: string, actor: string): Promise<Job> {
    const record = this.#site.guest(nameOrUid);
    const parsed = nameSchema.safeParse(name);
    if (!parsed.success) throw new CaissonError('invalid', `“${name}” cannot be a guest’s name: ${parsed.error.issues[0]?.message}`);
    return this.#guestJob('guest-rename', { uid: record.uid, name }, `Rename guest ${record.name} to ${name}`, actor, [siteKey]);
  }

  /** Refused before anything is changed when it cannot be. */
  setGuest(nameOrUid: string, change: GuestChange, actor: string): Promise<Job> {
    const { uid, name } = this.#site.guest(nameOrUid);
    this.#sites.checkChange(uid, change);
    // Addresses are given to one guest at a time.
    return this.#guestJob('guest-set', { uid, change }, `Change guest ${name}`, actor, change.nics ? [siteKey] : []);
  }

  deleteGuest(nameOrUid: string, options: { deleteDisks: boolean }, actor: string): Promise<Job> {
    const record = this.#site.guest(nameOrUid);
    this.#guests.check('delete', record);
    const why = whoSpeaksOf(record.name, this.#site.site());
    if (why.length > 0)
      throw new CaissonError(
        'not-allowed',
        `guest ${record.name} is still spoken of: ${why.join('; ')}; take it out of the site file and apply with --prune`,
      );
    const { deleteDisks } = options;
    return this.#guestJob('guest-delete', { uid: record.uid, deleteDisks }, `Delete guest ${record.name}`, actor, [siteKey]);
  }

  zones(): ZoneView[] {
    return viewZones(this.#site);
  }

  /** Throws `not-found`. */
  zoneWish(name: string): Zone {
    return zoneOf(this.#site, name);
  }

  /** Throws `not-found`. */
  imageWish(name: string): Image {
    return this.#images.definition(name);
  }

  zone(name: string): ZoneView {
    return viewZone(this.#site, name);
  }

  checkZones(
    options: { control?: boolean | undefined; extraPorts?: string[] | undefined; rulesOnly?: boolean | undefined },
    actor: string,
  ): Promise<Job> {
    return this.jobs.start('zone-check', { title: 'Check the filtering', objects: ['network'], actor, exclusive: ['zone-check'] }, (job) =>
      this.#checker.run(
        { control: options.control ?? true, extraPorts: options.extraPorts ?? [], rulesOnly: options.rulesOnly ?? false },
        job,
      ),
    );
  }

  lastZoneCheck(): ZoneCheck {
    return this.#checker.last;
  }

  /** The five rules with their evidence, looked at now. */
  audit(): Promise<Audit> {
    return this.#auditor.run();
  }

  images(): Promise<ImageView[]> {
    return this.#images.list();
  }

  /** Throws `not-found`. */
  image(name: string): Promise<ImageView> {
    return this.#images.view(name);
  }

  buildImage(name: string, actor: string): Promise<Job> {
    this.#images.definition(name);
    return this.#start('image-build', { name }, { title: `Build image ${name}`, objects: [`image/${name}`], actor });
  }

  importImage(name: string, source: { file: string } | { url: string; sha256: string }, actor: string): Promise<Job> {
    const parsedName = nameSchema.safeParse(name);
    const image = imageSchema.safeParse(source);
    if (!parsedName.success)
      throw new CaissonError('invalid', `“${name}” cannot be an image’s name: ${parsedName.error.issues[0]?.message}`);
    if (!image.success)
      throw new CaissonError('invalid', `this is not an image: ${image.error.issues.map((issue) => issue.message).join('; ')}`);
    if (this.#site.images.has(name)) throw new CaissonError('conflict', `an image is called “${name}” already; delete it first`);
    const title = `Import image ${name}`;
    return this.#start('image-import', { name, image: image.data }, { title, objects: [`image/${name}`], actor, exclusive: [siteKey] });
  }

  deleteImage(name: string, actor: string): Promise<Job> {
    this.#images.definition(name);
    const title = `Delete image ${name}`;
    return this.#start('image-delete', { name }, { title, objects: [`image/${name}`], actor, exclusive: [siteKey] });
  }

  /** What the doctor finds on the host; the job keeps it. */
  examineHost(actor: string): Promise<Job> {
    return this.jobs.start(
      'host-examine',
      { title: 'Examine the host', objects: ['host'], actor, exclusive: ['host-examine'] },
      async ({ signal }) => ({ items: await this.#parts.doctor.examine(signal) }),
    );
  }

  /** As it was found the last time that it was asked for. */
  async lastExamination(): Promise<HostExamination> {
    const [last] = await this.jobs.list({ kind: 'host-examine', state: 'succeeded', limit: 1 });
    const { items } = (last?.result ?? { items: [] }) as Pick<HostExamination, 'items'>;
    return { ...(last?.endedAt === undefined ? {} : { examinedAt: last.endedAt }), items };
  }

  host(): Promise<Host> {
    return viewHost({
      parts: this.#parts,
      site: this.#site,
      board: this.#board,
      guests: this.#guests,
      network: this.#network,
      startedAt: this.#startedAt,
    });
  }

  /**
   * Every guest down in order, within `withinMs` if that is given; they start again with the host. What is still being started is
   * given up, and nothing starts meanwhile.
   */
  async shutdownHost(options: { timeoutMs?: number | undefined; withinMs?: number | undefined }, actor: string): Promise<Job> {
    const { clock, host } = this.#parts;
    const { timeoutMs, withinMs } = options;
    const input = {
      bootId: host.bootId,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(withinMs === undefined ? {} : { until: clock.now() + withinMs }),
    };
    this.events.emit({ kind: 'host-shutdown', message: 'every guest is being shut down', actor });
    return this.#start('host-shutdown', input, { title: 'Shut down every guest', objects: ['host'], actor });
  }

  #guestJob<K extends GuestJobKind>(
    kind: K,
    input: JobInputs[K],
    title: string,
    actor: string,
    exclusive: readonly string[] = [],
  ): Promise<Job> {
    return this.#start(kind, input, { title, objects: [`guest/${input.uid}`], actor, exclusive });
  }

  #start<K extends keyof JobInputs>(kind: K, input: JobInputs[K], options: Omit<JobOptions, 'input'>): Promise<Job> {
    return this.jobs.start(kind, { ...options, input }, (job) => this.#works.do(kind, input, job));
  }
}
