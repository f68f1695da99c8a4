// What rows of several nouns have in common.
import { z } from 'zod';
import { jobSchema } from '../../model/job.ts';

export const list = <T extends z.ZodType>(item: T) => z.strictObject({ items: z.array(item) });

/** A guest by its name or its uid. */
export const guestParams = z.strictObject({ guest: z.string().min(1).max(63) });

export const nameParams = z.strictObject({ name: z.string().min(1).max(63) });

export const userParams = z.strictObject({ user: z.string().min(1).max(63) });

export const deleteDisksQuery = z.strictObject({ deleteDisks: z.stringbool().default(false).describe('`true` or `false`') });

export const emptyBody = z.strictObject({}).optional();

export const jobResponse = jobSchema;
