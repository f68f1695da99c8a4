// What an apply would change: three versions of a site compared (the file as last applied, the file now, the site now). What somebody
// changed elsewhere since the last apply is part of it, so that it is shown and never overwritten unasked.
import { z } from 'zod';

/** What a change means for a guest: nothing for its running, only from its next start on, or impossible without making it anew. */
export const consequenceSchema = z.enum(['live', 'restart', 'recreate']);
export type Consequence = z.output<typeof consequenceSchema>;

export const fieldDifferenceSchema = z.strictObject({
  /** The site file's spelling, dots between: `memory`, `disks.data`. */
  field: z.string(),
  /** `changed` by the file; `kept` as somebody made it elsewhere, the file did not touch it; `conflict`: both changed it. */
  outcome: z.enum(['changed', 'kept', 'conflict']),
  /** The site's value, in the site file's spelling; long and private texts as digest and size. Absent: not set. */
  before: z.string().optional(),
  /** The file's value. Absent: not set. */
  after: z.string().optional(),
  consequence: consequenceSchema.optional(),
  /** Why it is impossible and what to do instead, or what else a person should know. */
  note: z.string().optional(),
});
export type FieldDifference = z.output<typeof fieldDifferenceSchema>;

export const objectDifferenceSchema = z.strictObject({
  object: z.enum(['site', 'zone', 'image', 'guest', 'flow']),
  /** The name; of a flow its text, `web → database: tcp/3306`. */
  name: z.string(),
  change: z.enum(['created', 'changed', 'removed', 'kept', 'conflict']),
  /** Empty when the object as a whole was created, removed, kept or is in conflict. */
  fields: z.array(fieldDifferenceSchema),
  /** The strongest of what the file's changes mean. Guests only. */
  consequence: consequenceSchema.optional(),
  note: z.string().optional(),
});
export type ObjectDifference = z.output<typeof objectDifferenceSchema>;

export const siteDifferenceSchema = z.strictObject({ objects: z.array(objectDifferenceSchema) });
export type SiteDifference = z.output<typeof siteDifferenceSchema>;
