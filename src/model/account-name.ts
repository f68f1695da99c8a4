// Names of users and tokens: plain lower-case ASCII, so that no two look alike, and usable in paths, store keys and on the command line.
import { z } from 'zod';
import { expects } from './expected.ts';
import { unusableKeys } from './name.ts';

export const accountNameSchema = z
  .string(expects('a name'))
  .max(63)
  .regex(
    /^[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*$/,
    'a user or token has a name of lower-case letters, digits and single dots, hyphens and underscores between them; it begins with a letter',
  )
  .refine((name) => !(unusableKeys as readonly string[]).includes(name), 'this name is reserved: choose another');

export function isAccountName(text: string): boolean {
  return accountNameSchema.safeParse(text).success;
}
