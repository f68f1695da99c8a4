// Free text that people write: descriptions, user data, files of an image.
import { z } from 'zod';
import { expects } from './expected.ts';

/** Tab, line feed, carriage return and everything printable: what every editor, terminal and YAML reader keeps as it is. */
const notText = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Text of several lines, at most `longest` characters. */
export function textSchema(longest: number) {
  return z
    .string(expects('a text'))
    .max(longest)
    .refine((text) => !notText.test(text), 'a text has no control characters');
}

/** One line for people. */
export function lineSchema(longest: number) {
  return textSchema(longest).regex(/^[^\n\r]*$/, 'one line is expected');
}

/** A file that the site file refers to, relative to it. */
export const fileReferenceSchema = z
  .string(expects('the path of a file'))
  .regex(/^[^\u0000-\u001f\u007f]{1,4095}$/, 'a path has no control characters and at most 4095 characters');
