// What an apply would change: made by `plan/site-difference.ts`, shown by every face, stored with the job.
import { z } from 'zod';

export const fieldChangeSchema = z.strictObject({
  /** `memory`, `disks.data`, `service.ready` — in the site file's spelling. */
  field: z.string(),
  before: z.string(),
  after: z.string(),
  /** `live`: at once. `restart`: when the guest is started next. `impossible`: refused, with why and the way out. */
  takesEffect: z.enum(['live', 'restart', 'impossible']),
  why: z.string().optional(),
});
export type FieldChange = z.output<typeof fieldChangeSchema>;

export const objectChangeSchema = z.strictObject({
  kind: z.enum(['site', 'zone', 'image', 'guest', 'flow']),
  name: z.string(),
  /** `kept`: changed elsewhere since the last apply, and the file has not changed it. `conflict`: both changed it, differently. */
  change: z.enum(['created', 'changed', 'removed', 'kept', 'conflict']),
  fields: z.array(fieldChangeSchema),
});
export type ObjectChange = z.output<typeof objectChangeSchema>;

export const siteDifferenceSchema = z.strictObject({ changes: z.array(objectChangeSchema) });
export type SiteDifference = z.output<typeof siteDifferenceSchema>;
