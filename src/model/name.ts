// Names that people give: they end up in DNS, in messages and on the command line, never in a path or an option list.
import { z } from 'zod';

/** Words that stand for something else wherever a guest's name may stand. */
export const reservedNames = ['world', 'host', 'all'] as const;

const namePattern = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A name of a guest, zone, image, disk, label: a DNS label in lower case. */
export const nameSchema = z
  .string()
  .regex(namePattern, 'a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter, does not end with a hyphen')
  .refine((name) => !(reservedNames as readonly string[]).includes(name), {
    error: (issue) => `“${String(issue.input)}” is reserved: choose another name (reserved are ${reservedNames.join(', ')})`,
  });

export const labelValueSchema = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/, 'a label value has 1 to 63 letters, digits, dots, hyphens');
