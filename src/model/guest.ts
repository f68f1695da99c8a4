// A guest as it is wanted (`spec`). The site file's spelling (`memory: 512MiB`) is read by `guestFileSchema`; the API and the
// store speak of `memoryMib`. What is observed is in guest-status.ts.
import { z } from 'zod';
import { labelValueSchema, nameSchema } from './name.ts';
import { diskSizeSchema, memorySizeSchema } from './quantity.ts';
import { serviceFileSchema, serviceSchema } from './service.ts';
import { addressSchema } from './zone.ts';

const sshKeySchema = z
  .string()
  .max(16_384)
  .regex(/^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp\d+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( [^\n\r]*)?$/, 'a public key of OpenSSH is expected, for example “ssh-ed25519 AAAA… name”');

const dependencySchema = z.union([z.strictObject({ requires: nameSchema }), z.strictObject({ wants: nameSchema })]);
export type Dependency = z.output<typeof dependencySchema>;

const diskSchema = z.strictObject({ sizeMib: z.int().positive(), bus: z.literal('virtio') });

export const guestSpecSchema = z.strictObject({
  image: nameSchema,
  zone: nameSchema,
  /** Fixed addresses, the first of each family is the primary; a family without one gets one from the zone's pool. */
  addresses: z.array(addressSchema).max(64),
  labels: z.record(nameSchema, labelValueSchema),
  cpus: z.int().min(1).max(64),
  memoryMib: z.int().positive(),
  disks: z.record(nameSchema, diskSchema),
  firmware: z.enum(['bios', 'uefi']),
  os: z.enum(['linux', 'windows', 'bsd', 'other']),
  display: z.enum(['vga', 'none']),
  sshKeys: z.array(sshKeySchema).max(64),
  userData: z.string().max(512 * 1024).optional(),
  service: serviceSchema.optional(),
  after: z.array(dependencySchema).max(64),
  /** Started by `apply` and when the host starts. */
  autostart: z.boolean(),
  description: z.string().max(1024).optional(),
});
export type GuestSpec = z.output<typeof guestSpecSchema>;

const diskFileSchema = z.preprocess(
  (value) => (typeof value === 'string' || typeof value === 'number' ? { size: value } : value),
  z.strictObject({ size: diskSizeSchema, bus: z.literal('virtio', 'the only disk bus of this version is “virtio”').default('virtio') }).transform(({ size, bus }) => ({ sizeMib: size, bus })),
);

const dependencyFileSchema = z
  .strictObject({ requires: nameSchema.optional(), wants: nameSchema.optional() })
  .refine((value) => (value.requires === undefined) !== (value.wants === undefined), 'a dependency is { requires: GUEST } or { wants: GUEST }')
  .transform((value) => (value.requires === undefined ? { wants: value.wants as string } : { requires: value.requires }));

export const guestFileSchema = z
  .strictObject({
    image: nameSchema,
    zone: nameSchema,
    addresses: z.array(addressSchema).max(64).default([]),
    labels: z.record(nameSchema, labelValueSchema).default({}),
    cpus: z.int().min(1).max(64).default(1),
    memory: memorySizeSchema,
    disks: z.record(nameSchema, diskFileSchema).refine((disks) => 'root' in disks, 'a guest needs a disk “root”'),
    firmware: z.enum(['bios', 'uefi']).default('bios'),
    os: z.enum(['linux', 'windows', 'bsd', 'other']).default('linux'),
    display: z.enum(['vga', 'none']).default('vga'),
    sshKeys: z.array(sshKeySchema).max(64).default([]),
    userData: z.strictObject({ text: z.string().max(512 * 1024) }).optional(),
    service: serviceFileSchema.optional(),
    after: z.array(dependencyFileSchema).max(64).default([]),
    autostart: z.boolean().default(true),
    description: z.string().max(1024).optional(),
  })
  .transform(({ memory, userData, ...rest }): GuestSpec => ({ ...rest, memoryMib: memory, ...(userData ? { userData: userData.text } : {}) }) as GuestSpec);

/** Known wishes of a guest that this version cannot fulfil: refused by name, never ignored. */
export const guestUnsupported = ['tpm', 'nics', 'placement', 'restart', 'watchdog', 'arch', 'container'] as const;

/** The name of the guest that a dependency speaks of. */
export function dependencyName(dependency: Dependency): string {
  return 'requires' in dependency ? dependency.requires : dependency.wants;
}
