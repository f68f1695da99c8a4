// The site: the one document that says what should be. What must hold between its objects is in check-site.ts.
import { z } from 'zod';
import { expects } from './expected.ts';
import { flowSchema } from './flow.ts';
import { guestFileSchema, guestSpecSchema } from './guest.ts';
import { imageFileSchema, imageSchema } from './image.ts';
import { nameSchema } from './name.ts';
import { didYouMean } from './did-you-mean.ts';
import { quote } from './quote.ts';
import { zoneSchema } from './zone.ts';

const timezones = new Set([...Intl.supportedValuesOf('timeZone'), 'UTC']);

const timezoneSchema = z.string(expects('a time zone, for example Europe/Paris,')).refine((name) => timezones.has(name), {
  error: (issue) =>
    `${quote(String(issue.input))} is not a time zone: expected is for example Europe/Paris or UTC${didYouMean(String(issue.input), timezones)}`,
});

const mostZones = 4096;
const mostFlows = 10_000;
const zonesSchema = z
  .record(nameSchema, zoneSchema, expects('a map of zones by name'))
  .refine((zones) => Object.keys(zones).length <= mostZones, `a site has at most ${mostZones} zones`);
const flowsSchema = z.array(flowSchema, expects('a list of flows')).max(mostFlows);

/** The site as stored and as the API has it. */
export const siteSchema = z.strictObject({
  version: z.literal(1),
  site: nameSchema,
  timezone: timezoneSchema,
  /** Guests may be promised more memory than there is, and are brought down towards their least when it runs short. */
  overcommitMemory: z.boolean().optional(),
  zones: zonesSchema,
  flows: flowsSchema,
  images: z.record(nameSchema, imageSchema),
  guests: z.record(nameSchema, guestSpecSchema),
});
export type Site = z.output<typeof siteSchema>;

/** The site as the site file spells it. */
export const siteFileSchema = z.strictObject(
  {
    version: z.literal(1, '1, the version of the site file’s language, is expected').describe('Version of the site file’s language: 1.'),
    site: nameSchema.describe('Name of the site; guests are called NAME.ZONE.SITE in DNS.'),
    timezone: timezoneSchema.default('UTC').describe('Time zone of every time of day in this file.'),
    overcommitMemory: z
      .boolean(expects('true or false'))
      .optional()
      .describe(
        'Whether guests with a memory range may be promised more than the host has: when it runs short, they are brought down towards their `min`. Otherwise all of every guest’s memory must fit.',
      ),
    zones: zonesSchema
      .default({})
      .describe('Zones by name: addresses and a policy. A zone reaches nothing and is reached by nothing, but for flows.'),
    flows: flowsSchema.default([]).describe('What is allowed. Everything that is not listed is refused, inside a zone too.'),
    images: z
      .record(nameSchema, imageFileSchema, expects('a map of images by name'))
      .default({})
      .describe('Images by name. `debian-12` and `debian-13` exist without being listed.'),
    guests: z.record(nameSchema, guestFileSchema, expects('a map of guests by name')).default({}).describe('Guests by name.'),
  },
  expects('a map that begins with “version: 1”'),
);

/** Known wishes of a site that this version cannot fulfil. */
export const siteUnsupported = ['hosts', 'secrets', 'repositories', 'backups', 'alerts', 'pools'] as const;
