// What is killed in the middle, on a host of guests that boot nothing: each operation with the way to where it begins, and what may be the
// case in the end.
import assert from 'node:assert/strict';
import type { Guest } from '../../src/model/guest-status.ts';
import type { GuestSpec } from '../../src/model/guest.ts';
import type { Job } from '../../src/model/job.ts';
import type { Site } from '../../src/model/site.ts';
import type { KilledHost } from './killed-host.ts';

export interface KilledOperation {
  name: string;
  /** From wherever the last one ended. */
  prepare: (host: KilledHost) => Promise<void>;
  begin: (host: KilledHost) => Promise<Job>;
  /** Fails when it is neither done nor as before. `guests` by name. */
  check: (guests: ReadonlyMap<string, Guest>) => void;
  /** How often it is killed without `--long`, where that is seldom. */
  samples?: number;
}

const whole = { prune: true, deleteDisks: true, overwrite: true };
const isDown = (guest: Guest | undefined) => guest === undefined || ['stopped', 'crashed'].includes(guest.status.power);

/** Two guests that run, and no other. */
export async function toBase(host: KilledHost): Promise<void> {
  const { client } = host;
  for (const { name, status } of (await client.call('guestList', {})).items) {
    if (name === 'keep' || name === 'spare') continue;
    const params = { guest: name };
    if (!['stopped', 'crashed'].includes(status.power)) await host.succeeded(client.call('guestStop', { params, body: {} }));
    await host.succeeded(client.call('guestDelete', { params, query: { deleteDisks: 'true' } }));
  }
  await host.succeeded(client.call('siteApply', { body: { site: host.site(['keep', 'spare']), ...whole } }));
  for (const guest of ['keep', 'spare']) await host.succeeded(client.call('guestStart', { params: { guest }, body: {} }));
}

async function stopSpare(host: KilledHost): Promise<void> {
  await toBase(host);
  await host.succeeded(host.client.call('guestStop', { params: { guest: 'spare' }, body: {} }));
}

/** The base with a second zone and, for `spare`, other hardware. */
function siteWith(host: KilledHost, change: Partial<GuestSpec>): Site {
  const site = host.site(['keep', 'spare'], ({ spare }) => Object.assign(spare ?? {}, change));
  return { ...site, zones: { ...site.zones, other: { subnets: ['10.78.1.0/24'] } } };
}

/** `spare` runs with that hardware, and has had no other since its start. */
async function startSpare(host: KilledHost, change: Partial<GuestSpec>): Promise<void> {
  const { client } = host;
  const params = { guest: 'spare' };
  const spare = (await client.call('guestList', {})).items.find(({ name }) => name === 'spare');
  if (spare && !isDown(spare)) await host.succeeded(client.call('guestStop', { params, body: {} }));
  await host.succeeded(client.call('siteApply', { body: { site: siteWith(host, change), ...whole } }));
  for (const guest of ['keep', 'spare']) await host.succeeded(client.call('guestStart', { params: { guest }, body: {} }));
}

// Without an operating system only what sits on a SCSI controller can be unplugged.
const root = { sizeMib: 1, bus: 'virtio' } as const;
const unit = { sizeMib: 1, bus: 'scsi' } as const;
const twoNics = ['only', 'other'].map((zone) => ({ zone, addresses: [] }));

function runs(guests: ReadonlyMap<string, Guest>, name: string): void {
  const guest = guests.get(name);
  assert.equal(guest?.status.power, 'running', `${name} is ${guest?.status.power}: ${guest?.status.reason}`);
}

/** Wanted and done, or neither. */
function isAsWanted(guests: ReadonlyMap<string, Guest>, name: string): void {
  const guest = guests.get(name);
  assert.ok(guest, `${name} is not there`);
  assert.equal(
    guest.status.power === 'running',
    guest.wantedPower === 'running',
    `${name} is ${guest.status.power}, wanted ${guest.wantedPower}`,
  );
}

export const killedOperations: readonly KilledOperation[] = [
  {
    name: 'create',
    prepare: toBase,
    begin: (host) => host.client.call('siteApply', { body: { site: host.site(['keep', 'spare', 'fresh']), ...whole } }),
    check: (guests) => guests.forEach(({ name }) => runs(guests, name)),
  },
  {
    name: 'apply',
    prepare: toBase,
    begin: (host) =>
      host.client.call('siteApply', {
        body: {
          site: host.site(['keep', 'spare'], ({ keep }) =>
            Object.assign(keep ?? {}, { description: 'changed', labels: { role: 'front' } }),
          ),
          ...whole,
        },
      }),
    check: (guests) => {
      runs(guests, 'keep');
      assert.equal(guests.get('keep')?.spec.description, 'changed');
    },
  },
  {
    name: 'start',
    prepare: stopSpare,
    begin: ({ client }) => client.call('guestStart', { params: { guest: 'spare' }, body: {} }),
    check: (guests) => runs(guests, 'spare'),
  },
  {
    name: 'shutdown',
    prepare: toBase,
    begin: ({ client }) => client.call('guestShutdown', { params: { guest: 'spare' }, body: { timeoutMs: 100, force: true } }),
    check: (guests) => isAsWanted(guests, 'spare'),
  },
  {
    name: 'rename',
    prepare: toBase,
    begin: ({ client }) => client.call('guestRename', { params: { guest: 'spare' }, body: { name: 'renamed' } }),
    check: (guests) => runs(guests, guests.has('renamed') ? 'renamed' : 'spare'),
  },
  {
    name: 'delete',
    prepare: stopSpare,
    begin: ({ client }) => client.call('guestDelete', { params: { guest: 'spare' }, query: { deleteDisks: 'true' } }),
    check: (guests) => assert.ok(isDown(guests.get('spare'))),
  },
  {
    name: 'prune',
    prepare: stopSpare,
    begin: (host) => host.client.call('siteApply', { body: { site: host.site(['keep']), ...whole } }),
    check: (guests) => {
      runs(guests, 'keep');
      assert.equal(guests.get('spare'), undefined);
    },
  },
  {
    name: 'resize',
    samples: 1,
    prepare: (host) => startSpare(host, {}),
    begin: ({ client }) => client.call('guestSet', { params: { guest: 'spare' }, body: { cpus: 2 } }),
    check: (guests) => {
      runs(guests, 'spare');
      const { spec, status } = guests.get('spare') as Guest;
      // A daemon that has just come asks beside its work.
      assert.ok(status.has === undefined || status.has.cpus === spec.cpus, `it has ${status.has?.cpus} of ${spec.cpus} processors`);
    },
  },
  {
    name: 'attach',
    samples: 1,
    prepare: (host) => startSpare(host, { disks: { root, unit } }),
    begin: (host) =>
      host.client.call('siteApply', {
        body: {
          site: siteWith(host, {
            disks: { root, unit, data: unit },
            nics: twoNics,
          }),
          ...whole,
        },
      }),
    check: (guests) => {
      runs(guests, 'spare');
      const { status } = guests.get('spare') as Guest;
      assert.deepEqual(
        [status.disks.map(({ name }) => name).toSorted(), status.nics.length, status.pending],
        [['data', 'root', 'unit'], 2, []],
      );
    },
  },
  {
    name: 'detach',
    samples: 1,
    prepare: (host) => startSpare(host, { disks: { root, unit, data: unit } }),
    begin: ({ client }) => client.call('guestSet', { params: { guest: 'spare' }, body: { disks: { data: null } } }),
    check: (guests) => {
      runs(guests, 'spare');
      const { spec, status } = guests.get('spare') as Guest;
      assert.deepEqual([status.disks.map(({ name }) => name).toSorted(), status.pending], [Object.keys(spec.disks).toSorted(), []]);
    },
  },
  {
    name: 'detach a nic',
    samples: 1,
    prepare: (host) => startSpare(host, { disks: { root, unit }, nics: twoNics }),
    begin: (host) => host.client.call('siteApply', { body: { site: siteWith(host, { disks: { root, unit } }), ...whole } }),
    check: (guests) => {
      runs(guests, 'spare');
      const { status } = guests.get('spare') as Guest;
      // As before only where it was killed before anybody had written it down.
      assert.match(status.nics.map(({ zone }) => zone).join(' '), /^only( other)?$/);
      // A guest without an operating system may keep the card; that is said, and nothing passes by it.
      for (const text of status.pending)
        assert.match(text, /^a nic that is not wished any more \(unplug\): its system does not let go of it/);
    },
  },
  {
    name: 'image import',
    async prepare(host) {
      await toBase(host);
      const { items } = await host.client.call('imageList', {});
      if (items.some(({ name }) => name === 'other')) await host.succeeded(host.client.call('imageDelete', { params: { name: 'other' } }));
    },
    begin: (host) => host.client.call('imageImport', { body: { name: 'other', source: { file: host.newImage() } } }),
    check: (guests) => ['keep', 'spare'].forEach((name) => runs(guests, name)),
  },
  {
    name: 'image build',
    samples: 1,
    // Nobody needs it: an apply does not make it.
    async prepare(host) {
      await toBase(host);
      const site = host.site(['keep', 'spare']);
      const images = { ...site.images, other: { file: host.newImage() } };
      await host.succeeded(host.client.call('siteApply', { body: { site: { ...site, images }, ...whole } }));
    },
    begin: ({ client }) => client.call('imageBuild', { params: { name: 'other' }, body: {} }),
    check: (guests) => ['keep', 'spare'].forEach((name) => runs(guests, name)),
  },
];
