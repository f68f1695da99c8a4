// What a schema says about a request, in plain words: where, what was expected, what was there.
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

const maxIssues = 20;

/** One sentence an issue, each with its place: `body.guests.web.cpus: a whole number is expected, not “two”`. */
export function describeIssues(part: 'path' | 'query' | 'body', issues: readonly Issue[], input: unknown): string[] {
  const said = issues.flatMap((issue) => describeIssue([part], issue, input));
  return said.length <= maxIssues ? said : [...said.slice(0, maxIssues), `and ${said.length - maxIssues} more`];
}

function describeIssue(prefix: readonly PropertyKey[], issue: Issue, input: unknown): string[] {
  const place = [...prefix, ...issue.path];
  const value = valueAt(input, place.slice(1));
  const at = placeText(place);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => `${at}: there is no field ${quote(key)}`);
    case 'invalid_type':
      if (value === undefined) return [`${at}: ${thing(issue.expected)} is missing`];
      return [`${at}: ${thing(issue.expected)} is expected, not ${describeValue(value)}`];
    case 'invalid_value':
      if (!issue.message.startsWith('Invalid')) break;
      return [`${at}: ${value === undefined ? 'nothing' : describeValue(value)} is not one of ${issue.values.map(String).join(', ')}`];
    case 'invalid_union': {
      const best = issue.errors.toSorted((a, b) => a.length - b.length)[0];
      if (!best || best.length === 0) return [`${at}: ${describeValue(value)} is none of the possible forms`];
      return best.flatMap((inner) => describeIssue(place, inner, input));
    }
    case 'invalid_key':
      return [`${at}: ${quote(String(place.at(-1)))} cannot be a name here: ${issue.issues[0]?.message ?? 'it is not valid'}`];
    case 'too_small':
      if (!issue.message.startsWith('Too small')) break;
      return [`${at}: at least ${issue.minimum}${counted(issue.origin)} is expected`];
    case 'too_big':
      if (!issue.message.startsWith('Too big')) break;
      return [`${at}: at most ${issue.maximum}${counted(issue.origin)} is expected`];
    default:
      break;
  }
  return [`${at}: ${issue.message}`];
}

function placeText(place: readonly PropertyKey[]): string {
  return place.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${printable(String(step))}`),
    '',
  );
}

const things: Record<string, string> = {
  object: 'an object',
  record: 'an object',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  nonoptional: 'a value',
};

function thing(expected: string): string {
  return things[expected] ?? expected;
}

function counted(origin: string): string {
  return origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '';
}

function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? quote(value) : String(value);
}

function quote(text: string): string {
  return `“${printable(text)}”`;
}

function printable(text: string): string {
  const safe = JSON.stringify(text).slice(1, -1);
  return safe.length > 80 ? `${safe.slice(0, 77)}…` : safe;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, step) ? (value as Record<PropertyKey, unknown>)[step] : undefined,
    input,
  );
}
