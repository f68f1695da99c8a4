// The site as a whole: what an apply would change, applying it, destroying it. `apply` writes the wish first and then makes it so; killed
// in the middle it is resumed from the wish in the store, since every part of making it so does only what is missing.
import { CaissonError, describeError } from '../lib/errors.ts';
import type { GuestRecord } from '../model/guest-status.ts';
import type { GuestChange } from '../model/guest-change.ts';
import { checkSite } from '../model/check-site.ts';
import type { Site } from '../model/site.ts';
import type { SiteDifference } from '../model/site-difference.ts';
import { changeGuest } from '../plan/change-guest.ts';
import { findMisfit } from '../plan/host-fit.ts';
import { mergeSites } from '../plan/merge-sites.ts';
import { findHeardPublication } from '../plan/published-listeners.ts';
import { renameGuest } from '../plan/rename-guest.ts';
import { compareGuest, compareSites, conflicts, describeDifference, isEmpty, refusals } from '../plan/site-difference.ts';
import { shutdownWithin } from '../model/guest-shutdown.ts';
import { levelLimit } from '../plan/stop-budget.ts';
import { withDisksOf, withNicsOf } from '../plan/new-guest.ts';
import { stopOrder } from '../plan/start-order.ts';
import type { Guests } from './guests.ts';
import type { ImageService } from './images.ts';
import type { GuestBoard } from './guest-board.ts';
import { type StartHow, toldToStayDown } from './guest-starts.ts';
import type { StepContext } from './job-context.ts';
import type { NetworkReconciler } from './network.ts';
import { addressesFor, type SiteWriteParts, writeSite } from './site-writes.ts';

/** No two jobs change the site as a whole at once. */
export const siteKey = 'site';

const imagesAtOnce = 2;

export interface ApplyOptions {
  prune: boolean;
  deleteDisks: boolean;
  overwrite: boolean;
}

export interface ApplyResult {
  /** One line for each change; empty when there was nothing to change. */
  changes: string[];
  guests: { name: string; ready: boolean; readyAfterMs?: number }[];
}

/** What an apply would change, in words and as data. */
export interface SitePlan {
  lines: string[];
  refusals: string[];
  difference: SiteDifference;
}

interface Wiring extends SiteWriteParts {
  board: GuestBoard;
  guests: Guests;
  images: ImageService;
  network: NetworkReconciler;
}

export class SiteService {
  readonly #w: Wiring;

  constructor(wiring: Wiring) {
    this.#w = wiring;
  }

  /** What an apply of this site would change. */
  async plan(wanted: Site, options: ApplyOptions): Promise<SitePlan> {
    const difference = asAsked(compareSites(await this.#versions(wanted)), options);
    return { lines: describeDifference(difference), refusals: reasonsAgainst(difference, options), difference };
  }

  /** Makes the site so, as steps of a job. Throws `invalid`, `conflict` or `no-capacity` before anything is changed. */
  async apply(wanted: Site, options: ApplyOptions, job: StepContext): Promise<ApplyResult> {
    const { difference, merged } = await this.#merge(wanted, options);
    await this.#checkPublished(merged);
    const gone = options.prune ? [...this.#w.site.guests.values()].filter((record) => !merged.guests[record.name]) : [];
    if (gone.length > 0) await job.step('remove guests', () => this.#removeGuests(gone, options.deleteDisks, job));
    await job.step('write the site', async () => {
      // Guests take their time to go, and others may have been changed by their names meanwhile: that is not overwritten unseen.
      const now = await this.#merge(wanted, options);
      await writeSite(this.#w, now.merged, now.applied);
    });
    if (!isEmpty(difference))
      this.#w.events.emit({
        kind: 'site-changed',
        message: `the site was changed: ${describeDifference(difference).length} differences applied`,
      });
    const result = await this.makeSo(job);
    return { changes: isEmpty(difference) ? [] : describeDifference(difference), guests: result };
  }

  /** Network, then every guest that is wanted to run, in dependency order, until all of them are ready. One that fails does not stop the others. */
  async makeSo(job: StepContext, how?: StartHow): Promise<ApplyResult['guests']> {
    const { site, network, guests, board } = this.#w;
    const wanted = [...site.guests.values()]
      .filter((record) => record.wantedPower === 'running')
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const failures: string[] = [];
    const begun = guests.expect(wanted.map(({ uid }) => uid));
    try {
      await job.step('network', () => network.ensure().then(() => undefined));
      const imageErrors = await this.#makeImages(wanted, job);
      await Promise.all(
        wanted.map(async ({ uid, name }) => {
          try {
            await job.step(`guest ${name}`, async (step) => {
              // While images were made somebody may have thought better of it.
              if (site.guest(uid).wantedPower !== 'running') throw toldToStayDown(site.guest(uid));
              const imageError = imageErrors.get(site.guest(uid).spec.image);
              if (imageError !== undefined && board.get(uid).power === 'stopped') guests.giveUp(uid, imageError, how);
              await guests.start(uid, step, how);
              await step.step('ready', (inner) => guests.waitReady(uid, inner));
              await guests.sizes.adjust(uid);
            });
          } catch (error) {
            if (job.signal.aborted) throw error;
            failures.push(describeError(error));
          }
        }),
      );
    } finally {
      begun();
    }
    if (failures.length > 0) throw new CaissonError('failed', failures.join('; '));
    return wanted.map(({ uid, name }) => {
      const { ready, readyAfterMs } = board.get(uid);
      return { name, ready, ...(readyAfterMs === undefined ? {} : { readyAfterMs }) };
    });
  }

  /**
   * Images first and not all at once: each build keeps a processor busy for a minute, and guests that boot meanwhile would be late.
   * Returns what went wrong by the image's name.
   */
  async #makeImages(wanted: readonly GuestRecord[], job: StepContext): Promise<Map<string, unknown>> {
    const errors = new Map<string, unknown>();
    const { board, images } = this.#w;
    const needed = new Set(
      wanted
        .filter((record) => record.imageDigest === undefined && board.get(record.uid).power === 'stopped')
        .map((record) => record.spec.image),
    );
    const missing = (await Promise.all([...needed].map(async (name) => ((await images.isPresent(name)) ? [] : [name])))).flat();
    const waiting = missing.values();
    const build = async () => {
      for (const name of waiting) {
        try {
          await job.step(`image ${name}`, (step) => images.ensure(name, undefined, step));
        } catch (error) {
          if (job.signal.aborted) throw error;
          errors.set(name, error);
        }
      }
    };
    await Promise.all(Array.from({ length: imagesAtOnce }, build));
    return errors;
  }

  /** Stops and deletes every guest, zone and image of the site. */
  async destroy(options: { deleteDisks: boolean }, job: StepContext): Promise<void> {
    const { site, network } = this.#w;
    await job.step('stop the guests', (step) => this.stopAll({ keepWanted: false }, step));
    await job.step('delete the guests', () => this.#removeGuests([...site.guests.values()], options.deleteDisks, job));
    await job.step('delete the site', async () => {
      const empty: Site = { version: 1, site: site.name, timezone: 'UTC', zones: {}, flows: [], images: {}, guests: {} };
      await writeSite(this.#w, empty, empty);
      await site.forget();
      await network.ensure();
    });
  }

  /**
   * Every guest down, those that others depend on last; what does not go in its time loses its power. `timeoutMs`: for each, in place
   * of its own limits. `until`: when all must be down, by the monotonic clock. One that cannot be stopped does not keep the others up.
   */
  async stopAll(
    options: { timeoutMs?: number | undefined; until?: number | undefined; keepWanted: boolean },
    job: StepContext,
  ): Promise<{ name: string; way: string }[]> {
    const { site, guests, board, parts } = this.#w;
    const running = Object.fromEntries(
      [...site.guests.values()]
        .filter(({ uid }) => !['stopped', 'crashed'].includes(board.get(uid).power))
        .map((record) => [record.name, record.spec]),
    );
    const ownMs = (name: string) => {
      const limits = running[name]?.shutdown ?? { agentMs: 0, powerButtonMs: 0 };
      return options.timeoutMs ?? limits.agentMs + limits.powerButtonMs;
    };
    const levels = stopOrder(running);
    const wishes = levels.map((level) => Math.max(...level.map(ownMs)));
    const ways: { name: string; way: string }[] = [];
    const failures: string[] = [];
    for (const [index, level] of levels.entries()) {
      const limitMs =
        options.until === undefined ? Number.POSITIVE_INFINITY : levelLimit(wishes.slice(index), options.until - parts.clock.monotonic());
      await Promise.all(
        level.map(async (name) => {
          try {
            await job.step(`shut down ${name}`, async (step) => {
              const record = site.guest(name);
              const ms = Math.min(ownMs(name), limitMs);
              const limits = ms > 0 ? { limits: shutdownWithin(record.spec.shutdown, ms) } : {};
              const way = await guests.shutdown(record.uid, { ...limits, force: true, keepWanted: options.keepWanted }, step);
              step.progress(1, way);
              ways.push({ name, way });
            });
          } catch (error) {
            if (job.signal.aborted) throw error;
            failures.push(describeError(error));
          }
        }),
      );
    }
    if (failures.length > 0) throw new CaissonError('failed', failures.join('; '));
    return ways;
  }

  /** Gives a guest another name; flows and dependencies that speak of it follow. */
  async rename(uid: string, name: string): Promise<void> {
    const { site, network, events } = this.#w;
    const record = site.guest(uid);
    if (name === record.name) return;
    if (site.findGuest(name)) throw new CaissonError('conflict', `a guest is called “${name}” already`);
    const before = site.site();
    const renamed = renameGuest(before, record.name, name);
    const problems = checkSite(renamed);
    if (problems.length > 0) throw new CaissonError('invalid', problems.map((problem) => problem.message).join('; '));
    const others = [...site.guests.values()].filter(
      (other) => other.uid !== uid && JSON.stringify(other.spec) !== JSON.stringify(renamed.guests[other.name]),
    );
    await site.commit([
      site.write(`guest/${uid}`, { ...record, name, spec: renamed.guests[name] }),
      site.write('flows', renamed.flows),
      ...[...site.zones].flatMap(([key, { index, zone }]) =>
        JSON.stringify(zone) === JSON.stringify(renamed.zones[key]) ? [] : [site.write(`zone/${key}`, { index, zone: renamed.zones[key] })],
      ),
      ...others.map((other) => site.write(`guest/${other.uid}`, { ...other, spec: renamed.guests[other.name] })),
    ]);
    await network.ensure();
    events.emit({ kind: 'guest-renamed', object: `guest/${uid}`, message: `guest ${record.name} is called ${name} now` });
  }

  /** The site as it would be, from what it is at this moment. Throws `invalid`, `conflict` or `no-capacity` when it cannot be. */
  async #merge(wanted: Site, options: ApplyOptions): Promise<{ difference: SiteDifference; merged: Site; applied: Site }> {
    const versions = await this.#versions(wanted);
    const difference = asAsked(compareSites(versions), options);
    const reasons = reasonsAgainst(difference, options);
    if (reasons.length > 0)
      throw new CaissonError(conflicts(difference).length > 0 ? 'conflict' : 'invalid', reasons.join('; '), { details: { reasons } });
    const { site: merged, applied } = mergeSites({ ...versions, overwrite: options.overwrite, prune: options.prune });
    const problems = checkSite(merged);
    if (problems.length > 0)
      throw new CaissonError('invalid', `the site would not be sound: ${problems.map((problem) => problem.message).join('; ')}`, {
        details: { problems },
      });
    this.checkFit(merged);
    addressesFor(this.#w.site, merged);
    return { difference, merged, applied };
  }

  async #versions(wanted: Site): Promise<{ applied?: Site; wanted: Site; current?: Site }> {
    const applied = await this.#w.site.applied();
    return { ...(applied ? { applied } : {}), wanted, ...(this.#w.site.isDefined ? { current: this.#w.site.site() } : {}) };
  }

  /** Throws `no-capacity` for a site that this host cannot carry. */
  checkFit(site: Site): void {
    const { host, hypervisor } = this.#w.parts;
    const misfit = findMisfit(site, host, (spec) => hypervisor.overheadMib(spec));
    if (misfit) throw new CaissonError('no-capacity', misfit.message, misfit.details ? { details: misfit.details } : {});
  }

  /** Throws `conflict` for a port that a program of the host would lose. */
  async #checkPublished(wanted: Site): Promise<void> {
    const { site, parts } = this.#w;
    if (!Object.values(wanted.zones).some(({ publish = [] }) => publish.length > 0)) return;
    const heard = findHeardPublication(site.isDefined ? site.site() : undefined, wanted, await parts.sensors.listeners());
    if (heard !== undefined) throw new CaissonError('conflict', heard);
  }

  /** The guest's wish with the change. Throws `invalid` or `no-capacity` when it cannot be. */
  checkChange(uid: string, change: GuestChange): GuestRecord {
    const { site, guests } = this.#w;
    const record = site.guest(uid);
    const spec = changeGuest(record.name, record.spec, change);
    const before = site.site();
    const wanted = { ...before, guests: { ...before.guests, [record.name]: spec } };
    this.checkFit(wanted);
    guests.sizes.checkRoom(uid, spec);
    const { hardware, addresses } = change.nics ? this.#withNics(record, spec, wanted) : record;
    return { ...record, spec, hardware: withDisksOf(hardware, uid, spec), addresses };
  }

  /** Places and addresses of other nics. Throws `invalid` when flows or other guests speak against them, `conflict` or `no-capacity` without addresses. */
  #withNics(record: GuestRecord, spec: GuestRecord['spec'], wanted: Site): Pick<GuestRecord, 'hardware' | 'addresses'> {
    const problems = checkSite(wanted);
    if (problems.length > 0) throw new CaissonError('invalid', problems.map((problem) => problem.message).join('; '));
    return {
      hardware: withNicsOf(record.hardware, record.spec.nics, spec, this.#w.parts.random),
      addresses: addressesFor(this.#w.site, wanted).get(record.name) ?? [],
    };
  }

  /** Writes the wish, then makes it so as far as the guest follows. */
  async change(uid: string, change: GuestChange, job: StepContext): Promise<{ pending: string[] }> {
    const { site, board, events, guests, network } = this.#w;
    const { name, spec } = site.guest(uid);
    const changed = this.checkChange(uid, change);
    const fields = compareGuest(spec, changed.spec);
    if (fields.length > 0) {
      const { hardware, addresses } = changed;
      await job.step('write the site', () => site.updateGuest(uid, { spec: changed.spec, hardware, addresses }));
      // A nic that is not wished any more has no rules from here on, one that is new has them before it is there.
      if (change.nics) await job.step('network', () => network.ensure().then(() => undefined));
      events.emit({ kind: 'guest-changed', object: `guest/${uid}`, message: `guest ${name} was changed: ${fields.join(', ')}` });
    }
    await job.step('change the running guest', () => guests.sizes.adjust(uid));
    return { pending: board.get(uid).pending };
  }

  async #removeGuests(records: GuestRecord[], deleteDisks: boolean, job: StepContext): Promise<void> {
    const { guests, board, site } = this.#w;
    for (const { uid } of records) {
      if (!['stopped', 'crashed'].includes(board.get(uid).power))
        await guests.shutdown(uid, { limits: site.guest(uid).spec.shutdown, force: true }, job);
      if (site.guests.has(uid)) await guests.delete(uid, { deleteDisks });
    }
  }
}

/** With `prune` nothing keeps a guest that has gone from the file: the word on how to remove it is out of place. */
function asAsked(difference: SiteDifference, { prune }: ApplyOptions): SiteDifference {
  if (!prune) return difference;
  const withoutNote = ({ note: _note, ...object }: SiteDifference['objects'][number]) => object;
  return {
    objects: difference.objects.map((object) => (object.object === 'guest' && object.change === 'removed' ? withoutNote(object) : object)),
  };
}

/** Why this cannot be applied: what is impossible in place, and what somebody else changed too. */
function reasonsAgainst(difference: SiteDifference, options: ApplyOptions): string[] {
  const disputed = options.overwrite ? [] : conflicts(difference);
  return [
    ...refusals(difference),
    ...disputed.map(
      (object) =>
        `${object.object} ${object.name} was changed here and elsewhere since the last apply: take the other change into the file, or apply with --overwrite`,
    ),
  ];
}
