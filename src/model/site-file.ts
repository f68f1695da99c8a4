// The site file: YAML text → site, or every problem of the file at once, each with line, column, what was expected and, where close,
// what was probably meant. And back: a site → canonical YAML. Reading a site file touches nothing; files that it refers to are read
// by the given function.
import { isAlias, isMap, isScalar, LineCounter, parseDocument, stringify, visit, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { formatExactDuration, formatExactSize } from '../lib/units.ts';
import { flowUnsupported } from './flow.ts';
import { guestUnsupported } from './guest.ts';
import { defaultReadyWithinMs, type ReadinessCheck, type Service } from './service.ts';
import { checkSite, didYouMean, type DocumentPath, type Site, siteFileSchema, siteUnsupported } from './site.ts';
import { zoneUnsupported } from './zone.ts';

export interface SiteFileProblem {
  /** 1-based. */
  line: number;
  column: number;
  message: string;
}

export type SiteFileResult = { site: Site } | { problems: SiteFileProblem[] };

/** Reads a file that the site file refers to, relative to it. Undefined when there is none. */
export type ReadReferencedFile = (path: string) => Uint8Array | undefined;

const maxBytes = 4 * 1024 * 1024;
const maxProblems = 100;

export function parseSiteFile(text: string, readFile: ReadReferencedFile): SiteFileResult {
  if (Buffer.byteLength(text) > maxBytes) {
    return { problems: [{ line: 1, column: 1, message: `the file is larger than ${maxBytes / 1024 / 1024} MiB, which no site needs` }] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false, version: '1.2', stringKeys: true });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (document.errors.length > 0) {
    return { problems: document.errors.slice(0, maxProblems).map((error) => ({ ...place(error.pos[0]), message: yamlMessage(error.message) })) };
  }
  const alias = findAlias(document);
  if (alias) return { problems: [{ ...place(alias.range?.[0] ?? 0), message: 'aliases (*name) are not allowed in a site file: write the value out' }] };
  if (!isMap(document.contents)) return { problems: [{ line: 1, column: 1, message: 'a site file is a map that begins with “version: 1”' }] };

  const problems: SiteFileProblem[] = [];
  const at = (path: DocumentPath, atKey: boolean, message: string) => problems.push({ ...place(offsetOf(document, path, atKey)), message });
  const raw: unknown = document.toJS({ maxAliasCount: 0 });
  inlineFiles(raw, readFile, (path, message) => at(path, false, message));
  const unsupported = takeUnsupported(raw, (path, message) => at(path, true, message));
  const parsed = siteFileSchema.safeParse(raw);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) reportIssue(issue, [], raw, at, unsupported);
  } else {
    for (const problem of checkSite(parsed.data)) at(problem.path, false, problem.message);
  }
  if (problems.length > 0) {
    return { problems: problems.toSorted((a, b) => a.line - b.line || a.column - b.column).slice(0, maxProblems) };
  }
  return { site: parsed.data as Site };
}

/** `file.yaml:3:7: message`, one a line. */
export function formatProblems(file: string, problems: readonly SiteFileProblem[]): string {
  return problems.map((problem) => `${file}:${problem.line}:${problem.column}: ${problem.message}`).join('\n');
}

/** Canonical YAML of a site; `parseSiteFile` reads it back to an equal site. */
export function renderSiteFile(site: Site): string {
  return stringify(siteDocument(site), { lineWidth: 140, aliasDuplicateObjects: false });
}

function yamlMessage(message: string): string {
  return message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? message;
}

function findAlias(document: Document): Node | undefined {
  let found: Node | undefined;
  visit(document, {
    Alias(_key, node) {
      found = node;
      return visit.BREAK;
    },
  });
  return found && isAlias(found) ? found : undefined;
}

/** Where the deepest existing node of a path begins; its key rather than its value when `atKey`. */
function offsetOf(document: Document, path: DocumentPath, atKey: boolean): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const [depth, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step));
      if (!pair) break;
      const last = depth === path.length - 1;
      const key = (pair.key as Node).range?.[0] ?? offset;
      const value = (pair.value as Node | null)?.range?.[0] ?? key;
      offset = last && !atKey && isScalar(pair.value) ? value : key;
      node = pair.value;
    } else {
      const item = (node as { items?: Node[] } | null)?.items?.[Number(step)];
      if (!item) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    }
  }
  return offset;
}

type Report = (path: DocumentPath, message: string) => void;

/** Replaces `{ file: … }` of user data and image files by what the file holds, in place. */
function inlineFiles(raw: unknown, readFile: ReadReferencedFile, report: Report): void {
  const inline = (holder: unknown, path: string[], allowBase64: boolean) => {
    if (!isRecord(holder) || typeof holder['file'] !== 'string' || 'text' in holder || 'base64' in holder) return;
    const bytes = readFile(holder['file']);
    if (!bytes) return report([...path, 'file'], `the file “${holder['file']}” cannot be read (it is looked for beside the site file)`);
    const text = utf8(bytes);
    delete holder['file'];
    if (text !== undefined) holder['text'] = text;
    else if (allowBase64) holder['base64'] = Buffer.from(bytes).toString('base64');
    else report(path, 'the file is not UTF-8 text');
  };
  for (const [name, guest] of entriesOf(raw, 'guests')) inline(isRecord(guest) ? guest['userData'] : undefined, ['guests', name, 'userData'], false);
  for (const [name, image] of entriesOf(raw, 'images')) {
    for (const [path, file] of entriesOf(image, 'files')) inline(file, ['images', name, 'files', path], true);
  }
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Refuses what later versions will understand by its name, and takes it out so that it is not refused a second time. */
function takeUnsupported(raw: unknown, report: Report): boolean {
  let found = false;
  const refuse = (holder: unknown, keys: readonly string[], path: string[]) => {
    if (!isRecord(holder)) return;
    for (const key of keys) {
      if (!(key in holder)) continue;
      report([...path, key], `“${key}” is not supported by this version`);
      delete holder[key];
      found = true;
    }
  };
  refuse(raw, siteUnsupported, []);
  for (const [name, zone] of entriesOf(raw, 'zones')) refuse(zone, zoneUnsupported, ['zones', name]);
  for (const [name, guest] of entriesOf(raw, 'guests')) {
    refuse(guest, guestUnsupported, ['guests', name]);
    if (!isRecord(guest)) continue;
    if (isRecord(guest['memory'])) {
      report(['guests', name, 'memory'], 'a memory range { min, max } is not supported by this version: give one size, for example 512MiB');
      guest['memory'] = '512MiB';
      found = true;
    }
    if (guest['firmware'] === 'uefi-secure') {
      report(['guests', name, 'firmware'], '“uefi-secure” is not supported by this version: use bios or uefi');
      guest['firmware'] = 'uefi';
      found = true;
    }
  }
  if (isRecord(raw) && Array.isArray(raw['flows'])) {
    for (const [index, flow] of raw['flows'].entries()) refuse(flow, flowUnsupported, ['flows', String(index)]);
  }
  return found;
}

type Issue = z.core.$ZodIssue;

function reportIssue(issue: Issue, prefix: DocumentPath, raw: unknown, at: (path: DocumentPath, atKey: boolean, message: string) => void, _unsupported: boolean): void {
  const path = [...prefix, ...(issue.path as (string | number)[])];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) {
      const known = knownKeys(path);
      at([...path, key], true, `${subject(path)}knows no “${key}”${didYouMean(key, known)}${known.length > 0 ? ` (it knows ${known.join(', ')})` : ''}`);
    }
    return;
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const best = issue.errors.toSorted((a, b) => badness(a) - badness(b))[0] as Issue[];
    for (const inner of best) reportIssue(inner, path, raw, at, _unsupported);
    return;
  }
  if (issue.code === 'invalid_key') {
    const key = String(path.at(-1));
    at(path, true, `“${printable(key)}” cannot be a name here: ${issue.issues[0]?.message ?? 'it is not valid'}`);
    return;
  }
  const value = valueAt(raw, path);
  if (issue.code === 'invalid_type') {
    const key = path.at(-1);
    if (value === undefined && key !== undefined) at(path.slice(0, -1), true, `${subject(path.slice(0, -1))}needs “${key}”${expected(issue.expected)}`);
    else at(path, false, `${where(path)}${article(issue.expected)} is expected, not ${describeValue(value)}`);
    return;
  }
  if (issue.code === 'invalid_value' && issue.message.startsWith('Invalid')) {
    const values = issue.values.map(String);
    at(path, false, `${where(path)}${describeValue(value)} is not one of ${values.join(', ')}${typeof value === 'string' ? didYouMean(value, values) : ''}`);
    return;
  }
  at(path, false, `${where(path)}${issue.message}`);
}

/** How far a branch of a union is from what was written: the one with the least wrong is the one that was meant. */
function badness(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? 3 * issue.keys.length : issue.path.length <= 1 && issue.code === 'invalid_type' ? 2 : 1), 0);
}

/** The fields that the object at a path may have, from the schema itself. */
function knownKeys(path: DocumentPath): string[] {
  let schema: unknown = siteFileSchema;
  for (const step of path) schema = child(schema, step);
  return shapesOf(schema).flatMap((shape) => Object.keys(shape));
}

interface Definition {
  type: string;
  shape?: Record<string, unknown>;
  valueType?: unknown;
  element?: unknown;
  innerType?: unknown;
  in?: unknown;
  out?: unknown;
  options?: unknown[];
}

const definitionOf = (schema: unknown): Definition | undefined => (schema as { def?: Definition } | undefined)?.def;

/** Looks through wrappers (optional, default, transform) to the objects inside. */
function unwrap(schema: unknown): unknown[] {
  const definition = definitionOf(schema);
  if (!definition) return [];
  if (definition.innerType) return unwrap(definition.innerType);
  if (definition.type === 'union') return (definition.options ?? []).flatMap(unwrap);
  if (definition.type === 'pipe') return definitionOf(definition.in)?.type === 'transform' ? unwrap(definition.out) : unwrap(definition.in);
  return [schema];
}

function child(schema: unknown, step: string | number): unknown {
  for (const inner of unwrap(schema)) {
    const definition = definitionOf(inner);
    const next = definition?.shape?.[String(step)] ?? definition?.valueType ?? definition?.element;
    if (next) return next;
  }
  return undefined;
}

function shapesOf(schema: unknown): Record<string, unknown>[] {
  return unwrap(schema).flatMap((inner) => (definitionOf(inner)?.shape ? [definitionOf(inner)?.shape as Record<string, unknown>] : []));
}

/** Whose field it is, in words, for the beginning of a message. */
function subject(path: DocumentPath): string {
  const kinds: Record<string, string> = { zones: 'zone', images: 'image', guests: 'guest', flows: 'flow' };
  if (path.length === 0) return 'the site file ';
  const kind = kinds[String(path[0])];
  if (!kind || path.length === 1) return `“${path.join('.')}” `;
  const name = typeof path[1] === 'number' ? `number ${path[1] + 1}` : `“${printable(String(path[1]))}”`;
  const rest = path.slice(2);
  return rest.length === 0 ? `${kind} ${name} ` : `${rest.join('.')} of ${kind} ${name} `;
}

function where(path: DocumentPath): string {
  return path.length === 0 ? '' : `${subject(path).trimEnd()}: `;
}

function expected(kind: string): string {
  return kind === 'nonoptional' || kind === 'unknown' || kind === 'never' ? '' : ` (${article(kind)})`;
}

function article(kind: string): string {
  const words: Record<string, string> = { object: 'a map', record: 'a map', array: 'a list', string: 'a text', number: 'a number', int: 'a whole number', boolean: 'true or false' };
  return words[kind] ?? kind;
}

function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  return typeof value === 'string' ? `“${printable(value)}”` : String(value);
}

function printable(text: string): string {
  const safe = JSON.stringify(text).slice(1, -1);
  return safe.length > 80 ? `${safe.slice(0, 77)}…` : safe;
}

function valueAt(raw: unknown, path: DocumentPath): unknown {
  return path.reduce<unknown>((value, step) => (typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[String(step)] : undefined), raw);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function entriesOf(value: unknown, key: string): [string, unknown][] {
  const holder = isRecord(value) ? value[key] : undefined;
  return isRecord(holder) ? Object.entries(holder) : [];
}

const mib = 1024 * 1024;
const size = (sizeMib: number) => formatExactSize(sizeMib * mib);

/** The site in the site file's spelling, without what is the default anyway. */
export function siteDocument(site: Site): Record<string, unknown> {
  return compact({
    version: site.version,
    site: site.site,
    timezone: site.timezone,
    zones: site.zones,
    flows: site.flows,
    images: mapValues(site.images, (image) => ('recipe' in image ? compact({ ...withoutKey(image, 'sizeMib'), size: size(image.sizeMib) }) : image)),
    guests: mapValues(site.guests, (guest) =>
      compact({
        image: guest.image,
        zone: guest.zone,
        addresses: guest.addresses,
        labels: guest.labels,
        ...(guest.cpus === 1 ? {} : { cpus: guest.cpus }),
        memory: size(guest.memoryMib),
        disks: mapValues(guest.disks, (disk) => size(disk.sizeMib)),
        ...(guest.firmware === 'bios' ? {} : { firmware: guest.firmware }),
        ...(guest.os === 'linux' ? {} : { os: guest.os }),
        ...(guest.display === 'vga' ? {} : { display: guest.display }),
        sshKeys: guest.sshKeys,
        ...(guest.userData === undefined ? {} : { userData: { text: guest.userData } }),
        ...(guest.service ? { service: serviceDocument(guest.service) } : {}),
        after: guest.after,
        ...(guest.autostart ? {} : { autostart: false }),
        ...(guest.description === undefined ? {} : { description: guest.description }),
      }),
    ),
  });
}

function serviceDocument(service: Service): Record<string, unknown> {
  const spelling = (check: ReadinessCheck): unknown => check;
  return {
    ...compact({ ports: service.ports, ready: service.ready.length === 1 ? spelling(service.ready[0] as ReadinessCheck) : service.ready.map(spelling) }),
    ...(service.readyWithinMs === defaultReadyWithinMs ? {} : { readyWithin: formatExactDuration(service.readyWithinMs) }),
  };
}

function compact(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined && !(Array.isArray(field) && field.length === 0) && !(isRecord(field) && Object.keys(field).length === 0)));
}

function mapValues<T, U>(record: Record<string, T>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

function withoutKey<T extends object>(value: T, key: keyof T): Omit<T, typeof key> {
  const { [key]: _, ...rest } = value;
  return rest;
}
