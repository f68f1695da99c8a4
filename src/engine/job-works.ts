// What each kind of job does, from its input alone. The input is in the journal, so the next daemon goes on with what this one began: each of
// these looks at what is and does what is missing, so that done twice is done once.
import type { GuestChange } from '../model/guest-change.ts';
import type { Image } from '../model/image.ts';
import type { JobKind } from '../model/job.ts';
import type { Site } from '../model/site.ts';
import type { Guests } from './guests.ts';
import type { HostShutdown, HostShutdownInput } from './host-shutdown.ts';
import type { ImageService } from './images.ts';
import type { JobContext } from './job-context.ts';
import type { ApplyOptions, SiteService } from './site.ts';
import type { SiteStore } from './site-store.ts';

export interface JobInputs {
  /** Absent: the site as it is wanted already. */
  'site-apply': { site: Site; options: ApplyOptions } | undefined;
  'site-destroy': { deleteDisks: boolean };
  /** `again`: by the system, since it ended by itself or lacked what it requires. */
  'guest-start': { uid: string; again?: boolean };
  'guest-shutdown': { uid: string; timeoutMs?: number; force: boolean; withDependents: boolean };
  'guest-stop': { uid: string };
  'guest-reboot': { uid: string; force: boolean };
  'guest-pause': { uid: string };
  'guest-resume': { uid: string };
  'guest-rename': { uid: string; name: string };
  'guest-set': { uid: string; change: GuestChange };
  'guest-delete': { uid: string; deleteDisks: boolean };
  'image-build': { name: string };
  'image-import': { name: string; image: Image };
  'image-delete': { name: string };
  'host-shutdown': HostShutdownInput;
}

export type GuestJobKind = Extract<keyof JobInputs, `guest-${string}`>;

/** What the next daemon goes on with. Not a reboot, which would be a second one. */
export const resumable = [
  'site-apply',
  'site-destroy',
  'guest-start',
  'guest-shutdown',
  'guest-stop',
  'guest-pause',
  'guest-resume',
  'guest-rename',
  'guest-set',
  'guest-delete',
  'image-build',
  'image-import',
  'image-delete',
  'host-shutdown',
] as const satisfies readonly JobKind[];

/** What is asked of jobs that have ended (`local/verify/check-state.ts`): all else of their inputs, such as whole site files, is forgotten. */
export const keptInputs: { readonly [K in keyof JobInputs]?: (input: JobInputs[K]) => unknown } = {
  'site-apply': (input) => input && { options: input.options },
  'guest-rename': (input) => input,
};

type Works = { [K in keyof JobInputs]: (input: JobInputs[K], job: JobContext) => Promise<unknown> };

export interface JobWorksParts {
  site: SiteStore;
  guests: Guests;
  images: ImageService;
  sites: SiteService;
  hostShutdown: HostShutdown;
}

export class JobWorks {
  readonly #works: Works;

  constructor({ site, guests, images, sites, hostShutdown }: JobWorksParts) {
    this.#works = {
      'site-apply': (input, job) => (input ? sites.apply(input.site, input.options, job) : sites.makeSo(job, { keepTrying: true })),
      'site-destroy': (input, job) => sites.destroy(input, job),
      'guest-start': async ({ uid, again }, job) => {
        if (again) await guests.startAgain(uid, job);
        else await guests.start(uid, job, { pull: true });
        await job.step('ready', (step) => guests.waitReady(uid, step));
      },
      'guest-shutdown': async ({ uid, ...options }, job) => ({ way: await guests.shutdownNamed(uid, options, job) }),
      'guest-stop': ({ uid }, job) => guests.stop(uid, job),
      'guest-reboot': ({ uid, ...options }, job) => guests.reboot(uid, options, job),
      'guest-pause': ({ uid }) => guests.pause(uid),
      'guest-resume': ({ uid }) => guests.resume(uid),
      'guest-rename': ({ uid, name }) => sites.rename(uid, name),
      'guest-set': ({ uid, change }, job) => sites.change(uid, change, job),
      'guest-delete': ({ uid, ...options }) => guests.delete(uid, options),
      'image-build': ({ name }, job) => job.step(`image ${name}`, (step) => images.ensure(name, undefined, step)),
      'image-import': async ({ name, image }, job) => {
        await job.step('write the site', () => site.commit([site.write(`image/${name}`, image)]), {
          undo: () => site.commit([site.erase(`image/${name}`)]),
        });
        return job.step(`image ${name}`, (step) => images.ensure(name, undefined, step));
      },
      // An image that is gone is deleted.
      'image-delete': async ({ name }, job) => {
        if (!job.resumed || images.isKnown(name)) await images.delete(name);
      },
      'host-shutdown': (input, job) => hostShutdown.run(input, job),
    };
  }

  do<K extends keyof JobInputs>(kind: K, input: JobInputs[K], job: JobContext): Promise<unknown> {
    return this.#works[kind](input, job);
  }
}
