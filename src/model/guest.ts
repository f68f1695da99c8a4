// A guest as it is wanted (`spec`). The site file's spelling (`memory: 512MiB`) is read by `guestFileSchema`; the API and the
// store speak of `memoryMib`. What is observed is in guest-status.ts.
import { z } from 'zod';
import { expects } from './expected.ts';
import { defaultRestart, guestRestartFileSchema, guestRestartSchema } from './guest-restart.ts';
import { defaultShutdown, guestShutdownFileSchema, guestShutdownSchema } from './guest-shutdown.ts';
import { labelValueSchema, nameSchema } from './name.ts';
import { isRecord } from './plain-record.ts';
import { cpuShareSchema, memoryFileSchema, memoryMibSchema, memoryRangeSchema } from './guest-size.ts';
import { diskSizeSchema } from './quantity.ts';
import { serviceFileSchema, serviceSchema } from './service.ts';
import { fileReferenceSchema, lineSchema, textSchema } from './text.ts';
import { addressSchema } from './zone.ts';

const sshKeySchema = z
  .string(expects('a public key of OpenSSH'))
  .max(16_384)
  .regex(
    /^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( [\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]*)?$/,
    'a public key of OpenSSH is expected, for example “ssh-ed25519 AAAA… name”',
  );

const dependencySchema = z.union([z.strictObject({ requires: nameSchema }), z.strictObject({ wants: nameSchema })]);
export type Dependency = z.output<typeof dependencySchema>;

const firmwareSchema = z.enum(['bios', 'uefi']);
const osSchema = z.enum(['linux', 'windows', 'bsd', 'other']);
const displaySchema = z.enum(['vga', 'none']);
const cpusSchema = z.int(expects('a whole number of processors')).min(1).max(64);
export const addressesSchema = z.array(addressSchema, expects('a list of addresses, for example [192.0.2.10],')).max(64);
const labelsSchema = z.record(nameSchema, labelValueSchema, expects('a map such as { role: front }'));
const sshKeysSchema = z.array(sshKeySchema, expects('a list of public keys')).max(64);
const userDataText = textSchema(512 * 1024);

/** `virtio`: a device of its own. `scsi`: a unit of one controller, for systems that know no other, and for more disks. */
const diskBuses = ['virtio', 'scsi'] as const;
export type DiskBus = (typeof diskBuses)[number];
const diskSchema = z.strictObject({ sizeMib: z.int().min(1), bus: z.enum(diskBuses) });

export const mostNics = 8;

const nicSchema = z.strictObject({
  zone: nameSchema,
  /** Fixed addresses, the first of each family is the primary; a family without one gets one from the zone's pool. */
  addresses: addressesSchema,
});
export type NicSpec = z.output<typeof nicSchema>;

export const guestSpecSchema = z.strictObject({
  image: nameSchema,
  /** In each zone at most one. For each family the first nic whose zone has it is the way to everywhere else. */
  nics: z.array(nicSchema).min(1).max(mostNics),
  labels: labelsSchema,
  cpus: cpusSchema,
  /** Its share of the host's processors; absent: the usual one. */
  cpu: cpuShareSchema.optional(),
  memoryMib: memoryMibSchema,
  /** Bounds of what its memory can be while it runs; absent: it changes at its next start only. */
  memoryRange: memoryRangeSchema.optional(),
  disks: z.record(nameSchema, diskSchema),
  firmware: firmwareSchema,
  os: osSchema,
  display: displaySchema,
  sshKeys: sshKeysSchema,
  userData: userDataText.optional(),
  service: serviceSchema.optional(),
  after: z.array(dependencySchema).max(64),
  /** Started by `apply` and when the host starts. */
  autostart: z.boolean(),
  restart: guestRestartSchema.default(defaultRestart),
  shutdown: guestShutdownSchema.default(defaultShutdown),
  description: lineSchema(1024).optional(),
});
export type GuestSpec = z.output<typeof guestSpecSchema>;

const busSchema = z
  .enum(diskBuses)
  .default('virtio')
  .describe('How the guest sees the disk: a device of its own, or a unit of a SCSI controller (for what knows no virtio disk).');

const diskFileSchema = z.union(
  [
    diskSizeSchema.transform((sizeMib) => ({ sizeMib, bus: 'virtio' as const })),
    z
      .strictObject({ size: diskSizeSchema.describe('Size of the disk. It can grow later, never shrink.'), bus: busSchema })
      .transform(({ size, bus }) => ({ sizeMib: size, bus })),
  ],
  expects('a disk size, for example 8GiB, or a map such as { size: 8GiB },'),
);

const dependencyFileSchema = z
  .strictObject(
    {
      requires: nameSchema
        .optional()
        .describe(
          'Guest that must be ready before this one is started. While it is not, this one is not started, or not ready; it is shut down after this one.',
        ),
      wants: nameSchema
        .optional()
        .describe(
          'Guest that is started before this one; if it does not get ready, this one is started nevertheless. What becomes of it later does not matter.',
        ),
    },
    expects('a map such as { requires: database }'),
  )
  .refine(
    (value) => (value.requires === undefined) !== (value.wants === undefined),
    'a dependency is either { requires: GUEST } or { wants: GUEST }',
  )
  .transform((value): Dependency => (value.requires === undefined ? { wants: value.wants as string } : { requires: value.requires }))
  .meta({ minProperties: 1, maxProperties: 1 });

/** The site file's spelling; what `file` refers to is put in its place before the schema sees it. */
const userDataFileSchema = z
  .strictObject(
    {
      file: fileReferenceSchema.optional().describe('A file beside the site file that holds it.'),
      text: userDataText.optional().describe('The user data itself.'),
    },
    expects('a map such as { file: cloud-init/web.yaml } or { text: … }'),
  )
  .refine((value) => (value.file === undefined) !== (value.text === undefined), 'give exactly one of file, text');

const fixedAddressesFileSchema = addressesSchema
  .default([])
  .describe(
    'Fixed addresses, all on one interface; the first of each family is the primary. A family without one gets one from the zone’s subnet.',
  );

const nicFileSchema = z.strictObject(
  { zone: nameSchema.describe('The zone that the nic is in.'), addresses: fixedAddressesFileSchema },
  expects('a map such as { zone: internal }'),
);

export const guestFileSchema = z
  .strictObject(
    {
      image: nameSchema.describe('What the root disk is made from: an image of this site, or a built-in one (`debian-12`, `debian-13`).'),
      zone: nameSchema.optional().describe('The zone that the guest lives in, by its one nic; with several nics each has its own.'),
      addresses: fixedAddressesFileSchema,
      nics: z
        .array(nicFileSchema, expects('a list such as [{ zone: external }, { zone: internal }],'))
        .min(1, 'a guest has at least one nic')
        .max(mostNics)
        .optional()
        .describe(
          'Several nics, each in a zone of its own, in place of `zone` and `addresses`. For IPv4 and for IPv6 the first one whose zone has that family is the way to everywhere else.',
        ),
      labels: labelsSchema.default({}).describe('Names and values of your own, for `label:KEY=VALUE` in flows.'),
      cpus: cpusSchema.default(1).describe('Virtual processors.'),
      cpu: cpuShareSchema
        .optional()
        .describe('Its share of the host’s processors: a weight against other guests, an upper limit, the processors that it runs on.'),
      memory: memoryFileSchema.describe(
        'Memory of the guest, with its unit: one size, or a range `{ min, max }` within which it can change while the guest runs.',
      ),
      disks: z
        .record(nameSchema, diskFileSchema, expects('a map such as { root: 8GiB }'))
        .refine((disks) => Object.hasOwn(disks, 'root'), {
          error: 'a guest needs a disk called “root”',
          when: (payload) => isRecord(payload.value),
        })
        .describe('Disks by name: a size, or a map. `root` holds the image; the others begin empty.'),
      firmware: firmwareSchema.default('bios').describe('How the guest boots.'),
      os: osSchema.default('linux').describe('What runs in the guest: decides on its clock.'),
      display: displaySchema.default('vga').describe('Whether the guest has a screen.'),
      sshKeys: sshKeysSchema
        .default([])
        .describe(
          'Public keys of OpenSSH that may log in. Images made here follow a change at the next start; cloud-init reads them once.',
        ),
      userData: userDataFileSchema.optional().describe('User data for cloud-init.'),
      service: serviceFileSchema.optional().describe('What the guest is for.'),
      after: z
        .array(dependencyFileSchema, expects('a list such as [{ requires: database }]'))
        .max(64)
        .default([])
        .describe('What is started before this guest, and shut down after it.'),
      autostart: z.boolean(expects('true or false')).default(true).describe('Whether `apply` and the start of the host start the guest.'),
      restart: guestRestartFileSchema
        .meta({ default: 'on-failure' })
        .describe('Whether the guest is started again when it ends by itself: never, on-failure, always, or a map.'),
      shutdown: guestShutdownFileSchema.describe('How long the guest gets to shut down, each way of asking.'),
      description: lineSchema(1024).optional().describe('One line for people.'),
    },
    expects('a map such as { image: debian-12, zone: internal, memory: 512MiB, disks: { root: 8GiB } }'),
  )
  .refine(({ zone, nics }) => zone !== undefined || nics !== undefined, 'a guest has a “zone”, or with several nics “nics”')
  .refine(({ zone, addresses, nics }) => nics === undefined || (zone === undefined && addresses.length === 0), {
    error: 'beside “nics” there is no “zone” and no “addresses”: each nic has its own',
  })
  .transform(({ memory, userData, zone, addresses, nics, ...rest }): GuestSpec => ({
    ...rest,
    nics: nics ?? [{ zone: zone as string, addresses }],
    ...memory,
    ...(userData ? { userData: userData.text } : {}),
  }));

/** Known wishes of a guest that this version cannot fulfil: refused by name, never ignored. */
export const guestUnsupported = ['tpm', 'placement', 'watchdog', 'arch', 'container'] as const;

/** The name of the guest that a dependency speaks of. */
export function dependencyName(dependency: Dependency): string {
  return 'requires' in dependency ? dependency.requires : dependency.wants;
}
