// Names that people give: they end up in DNS, in messages and on the command line, never in a path or an option list.
import { z } from 'zod';
import { expects } from './expected.ts';
import { quote } from './quote.ts';

/** Words that stand for something else wherever a guest's name may stand. */
export const reservedNames = ['world', 'host', 'all'] as const;

/** Words that every JavaScript object knows already: a map of names must never find one of them by accident. */
export const unusableKeys = ['__proto__', 'constructor', 'prototype'] as const;

const namePattern = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A name of a guest, zone, image, disk, label: a DNS label in lower case. */
export const nameSchema = z
  .string(expects('a name'))
  .regex(namePattern, 'a name has 1 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen')
  .refine((name) => !isReserved(name), {
    error: (issue) =>
      `${quote(String(issue.input))} is reserved: choose another name (${reservedNames.join(', ')} have a meaning of their own)`,
  });

export const labelValueSchema = z
  .string(expects('a text'))
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'a label has a value of 1 to 63 letters, digits, dots, hyphens and underscores',
  );

/** Whether the text can be the name of something. */
export function isName(text: string): boolean {
  return namePattern.test(text) && !isReserved(text);
}

function isReserved(name: string): boolean {
  return (reservedNames as readonly string[]).includes(name) || (unusableKeys as readonly string[]).includes(name);
}
