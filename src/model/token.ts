// API tokens: for programs, shown once.
import { z } from 'zod';
import { accountNameSchema } from './account-name.ts';
import { roleBindingSchema } from './role.ts';

export const mostTokenDays = 366;
export const usualTokenDays = 90;

/** In the store. */
export const tokenRecordSchema = z.strictObject({
  name: accountNameSchema,
  /** SHA-256 of the secret. */
  digest: z.string(),
  /** The user whom it belongs to: it counts only as long as they do, and never for more. Absent: the host's administrator made it. */
  owner: z.string().optional(),
  bindings: z.array(roleBindingSchema),
  createdAt: z.int(),
  endsAt: z.int(),
  usedAt: z.int().optional(),
});
export type TokenRecord = z.output<typeof tokenRecordSchema>;

export const tokenSchema = z.strictObject({
  name: z.string(),
  owner: z.string().optional(),
  bindings: z.array(roleBindingSchema),
  createdAt: z.iso.datetime(),
  endsAt: z.iso.datetime(),
  expired: z.boolean(),
  /** To the minute. */
  usedAt: z.iso.datetime().optional(),
});
export type Token = z.output<typeof tokenSchema>;

export function viewToken({ name, owner, bindings, createdAt, endsAt, usedAt }: TokenRecord, now: number): Token {
  return {
    name,
    ...(owner === undefined ? {} : { owner }),
    bindings,
    createdAt: new Date(createdAt).toISOString(),
    endsAt: new Date(endsAt).toISOString(),
    expired: endsAt <= now,
    ...(usedAt === undefined ? {} : { usedAt: new Date(usedAt).toISOString() }),
  };
}
