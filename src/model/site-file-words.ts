// The words of the site file's messages: what an object is called, how a value is shown, what a schema's refusal means to a person.
import type { z } from 'zod';
import type { DocumentPath } from './site-sketch.ts';
import { clip, quote } from './quote.ts';

/** What one entry of a map or list of that name is called. */
const entryNouns: Record<string, string> = {
  zones: 'zone',
  images: 'image',
  guests: 'guest',
  disks: 'disk',
  labels: 'label',
  files: 'file',
};

const itemNouns: Record<string, string> = {
  flows: 'flow',
  subnets: 'subnet',
  publish: 'publication',
  nics: 'nic',
  from: 'range',
  addresses: 'address',
  sshKeys: 'SSH key',
  after: 'dependency',
  packages: 'package',
  run: 'command',
  allow: 'port',
  ports: 'port',
  ready: 'readiness check',
  command: 'word',
  pin: 'processor',
};

/** `memory of guest “web”`, `port 2 of flow 3`, `the site file`. */
export function describePath(path: DocumentPath): string {
  if (path.length === 0) return 'the site file';
  const parts: string[] = [];
  for (let depth = 0; depth < path.length; depth += 1) {
    const step = path[depth] as string | number;
    const next = path[depth + 1];
    const name = String(step);
    const entry = Object.hasOwn(entryNouns, name) ? entryNouns[name] : undefined;
    const item = Object.hasOwn(itemNouns, name) ? itemNouns[name] : undefined;
    if (typeof next === 'number') {
      parts.push(`${item ?? `entry of ${clip(name, 40)}`} ${next + 1}`);
      depth += 1;
    } else if (next !== undefined && entry && isHolder(path, depth)) {
      parts.push(`${entry} ${quote(next)}`);
      depth += 1;
    } else {
      parts.push(typeof step === 'number' ? `entry ${step + 1}` : clip(name, 80));
    }
  }
  return parts.toReversed().join(' of ');
}

/** Whether the word at a depth is the field of the language, and not a guest that is called `disks`. */
function isHolder(path: DocumentPath, depth: number): boolean {
  const name = String(path[depth]);
  if (depth === 0) return name === 'zones' || name === 'images' || name === 'guests';
  return depth === 2 && (path[0] === 'guests' ? name === 'disks' || name === 'labels' : path[0] === 'images' && name === 'files');
}

/** A value as a person wrote it. */
export function describeValue(value: unknown, source?: string): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? quote(value) : clip(source ?? String(value), 80);
}

const kinds: Record<string, string> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

type RawIssue = z.core.$ZodRawIssue;

/** The message of a refusal for which the schema has no words of its own. */
export function wordsOfIssue(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `${kinds[String(issue['expected'])] ?? 'something else'} is expected`;
    case 'too_big':
      return amount(issue, Number(issue['maximum']), 'at most');
    case 'too_small':
      return amount(issue, Number(issue['minimum']), 'at least');
    case 'invalid_value':
      return oneOf(issue['values'] ?? []);
    case 'invalid_format':
      return 'another form is expected';
    default:
      return 'this is not possible here';
  }
}

function oneOf(values: readonly unknown[]): string {
  return values.length === 1 ? `${String(values[0])} is expected` : `one of ${values.map(String).join(', ')} is expected`;
}

function amount(issue: RawIssue, limit: number, most: string): string {
  const count = limit.toLocaleString('en');
  switch (issue['origin']) {
    case 'string':
      return limit === 1 && most === 'at least' ? 'a text that is not empty is expected' : `${most} ${count} characters are expected`;
    case 'array':
    case 'set':
      return limit === 1 && most === 'at least' ? 'a list that is not empty is expected' : `${most} ${count} entries are expected`;
    default:
      return `a number of ${most} ${count} is expected`;
  }
}
