// Systematic faults in rules as nft tells them of the kernel: each one a small change that somebody, or a mistake of ours, could make.
import { type Json, asRecord } from '../../src/plan/rules/ruleset.ts';

export interface Mutation {
  /** In words, with where. */
  what: string;
  json: string;
}

type Entry = Record<string, Json>;

/** Every one of them, in a fixed order. Pure. */
export function* mutateRules(json: string): Generator<Mutation> {
  const entries = parse(json);
  const write = (what: string, change: (copy: Entry[]) => void): Mutation => {
    const copy = structuredClone(entries);
    change(copy);
    return { what, json: text({ nftables: copy }) };
  };
  for (const [at, entry] of entries.entries()) {
    if (entry['rule'] !== undefined) yield* mutateRule(entries, at, write);
    if (entry['set'] !== undefined || entry['map'] !== undefined) yield* mutateSet(entries, at, write);
    if (entry['chain'] !== undefined) yield* mutateChain(entries, at, write);
    if (entry['limit'] !== undefined) {
      const limit = asRecord(entry['limit']);
      yield write(`limit ${String(limit['name'])} doubled`, (copy) => (asRecord(copy[at]?.['limit'])['rate'] = Number(limit['rate']) * 2));
    }
  }
}

/** Numbers that a double does not hold stay what they are. */
function parse(json: string): Entry[] {
  const keep = (_key: string, value: Json, context: { source?: string }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? BigInt(context.source ?? value) : value;
  return (JSON.parse(json, keep as (key: string, value: Json) => Json) as { nftables: Entry[] }).nftables;
}

function text(value: unknown): string {
  const { rawJSON } = JSON as unknown as { rawJSON: (source: string) => unknown };
  return JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? rawJSON(String(each)) : each));
}

type Write = (what: string, change: (copy: Entry[]) => void) => Mutation;

function* mutateRule(entries: Entry[], at: number, write: Write): Generator<Mutation> {
  const rule = asRecord(entries[at]?.['rule']);
  const where = `${String(rule['family'])} ${String(rule['chain'])} handle ${String(rule['handle'])}`;
  const expr = rule['expr'] as Entry[];
  const exprOf = (copy: Entry[]) => asRecord(copy[at]?.['rule'])['expr'] as Entry[];
  yield write(`${where}: dropped`, (copy) => copy.splice(at, 1));
  const next = entries[at + 1]?.['rule'];
  if (next !== undefined && asRecord(next)['chain'] === rule['chain'])
    yield write(`${where}: after the one that follows`, (copy) => copy.splice(at, 2, copy[at + 1] as Entry, copy[at] as Entry));
  for (const [place, statement] of expr.entries()) {
    const [form = ''] = Object.keys(statement);
    const replace = (what: string, by: Entry[]) =>
      write(`${where}: ${what}`, (copy) => exprOf(copy).splice(place, 1, ...structuredClone(by)));
    if (form === 'counter') yield replace('without its counter', []);
    if (form === 'accept') yield replace('accept becomes drop', [{ drop: null }]);
    if (form === 'drop' || form === 'reject') yield replace(`${form} becomes accept`, [{ accept: null }]);
    if (form === 'goto' || form === 'jump') {
      yield replace(`${form} becomes accept`, [{ accept: null }]);
      yield replace(`${form} becomes drop`, [{ drop: null }]);
    }
    if (form === 'mangle' || form === 'masquerade' || form === 'dnat' || form === 'log' || form === 'limit' || form === 'set')
      yield replace(`without ${form}`, []);
    if (form === 'mangle') yield replace('another mark', [{ mangle: { ...asRecord(statement['mangle']), value: 4242 } }]);
    if (form === 'match') yield* mutateMatch(asRecord(statement['match']), replace);
  }
}

function* mutateMatch(match: Record<string, Json>, replace: (what: string, by: Entry[]) => Mutation): Generator<Mutation> {
  const { op, left, right } = match;
  yield replace(`without the match of ${short(left ?? null)}`, []);
  if (op === '==' || op === '!=') yield replace(`turned: ${short(left ?? null)}`, [{ match: { ...match, op: op === '==' ? '!=' : '==' } }]);
  const list = typeof right === 'object' && right !== null && !Array.isArray(right) ? right['set'] : undefined;
  if (Array.isArray(list)) {
    for (const [index, item] of list.entries())
      yield replace(`without ${String(item)} of its list`, [
        { match: { ...match, right: { set: list.filter((_, other) => other !== index) } } },
      ]);
  }
  if (op === 'in' && typeof right === 'number') yield replace('other states', [{ match: { ...match, right: right === 2 ? 8 : 2 } }]);
  if (op === 'in' && Array.isArray(right))
    for (const bit of right) yield replace(`only state ${String(bit)}`, [{ match: { ...match, right: bit } }]);
  if (typeof right === 'number' && op !== 'in') yield replace(`${right} becomes ${right + 1}`, [{ match: { ...match, right: right + 1 } }]);
  if (typeof right === 'string' && right.endsWith('*'))
    yield replace(`${right} becomes ${right.slice(0, 2)}*`, [{ match: { ...match, right: `${right.slice(0, 2)}*` } }]);
}

function* mutateSet(entries: Entry[], at: number, write: Write): Generator<Mutation> {
  const kind = entries[at]?.['set'] === undefined ? 'map' : 'set';
  const set = asRecord(entries[at]?.[kind]);
  const where = `${kind} ${String(set['family'])} ${String(set['name'])}`;
  const elements = (set['elem'] ?? []) as Json[];
  const elementsOf = (copy: Entry[]) => asRecord(copy[at]?.[kind])['elem'] as Json[];
  for (const [index, element] of elements.entries()) {
    yield write(`${where}: without ${short(element)}`, (copy) => elementsOf(copy).splice(index, 1));
    for (const { what, by } of widenElement(element))
      yield write(`${where}: ${what} of ${short(element)}`, (copy) => (elementsOf(copy)[index] = by));
  }
}

function* widenElement(element: Json): Generator<{ what: string; by: Json }> {
  if (Array.isArray(element)) {
    for (const { what, by } of widenElement(element[0] ?? null)) yield { what, by: [by, element[1] ?? null] };
    // Where a map of addresses leads.
    const [key = null, leadsTo] = element;
    if (typeof leadsTo === 'string' && /^\d+\.\d+\.\d+\.\d+$/.test(leadsTo))
      yield { what: 'elsewhere', by: [key, leadsTo.replace(/\d+$/, (last) => String(Number(last) ^ 1))] };
    return;
  }
  const record = typeof element === 'object' && element !== null ? element : undefined;
  const inner = record?.['elem'];
  if (inner !== undefined) {
    for (const { what, by } of widenElement(asRecord(inner)['val'] ?? null)) yield { what, by: { elem: { ...asRecord(inner), val: by } } };
    return;
  }
  const parts = record?.['concat'];
  if (!Array.isArray(parts)) {
    for (const by of widenPart(element)) yield { what: `wider ${short(by)}`, by };
    return;
  }
  for (const [index, part] of parts.entries())
    for (const by of widenPart(part))
      yield { what: `wider ${short(by)}`, by: { concat: parts.map((other, place) => (place === index ? by : other)) } };
}

function* widenPart(part: Json): Generator<Json> {
  if (typeof part === 'number' && part < 65_536) {
    yield { range: [part, part + 1] };
    if (part > 256) yield { range: [1, 65_535] };
  }
  if (typeof part === 'string' && /^\d+\.\d+\.\d+\.\d+$/.test(part)) yield { prefix: { addr: part.replace(/\d+$/, '0'), len: 24 } };
  if (typeof part === 'string' && /^[0-9a-f:]+::[0-9a-f:]*$/.test(part))
    yield { prefix: { addr: part.replace(/::[0-9a-f:]*$/, '::'), len: 64 } };
  const range = typeof part === 'object' && part !== null && !Array.isArray(part) ? part['range'] : undefined;
  if (Array.isArray(range)) {
    const [first, last] = range;
    if (typeof first === 'number' && typeof last === 'number' && last < 65_535) yield { range: [first, last + 1] };
    if (typeof first === 'number' && typeof last === 'number' && first > 1) yield { range: [first - 1, last] };
  }
  const prefix = typeof part === 'object' && part !== null && !Array.isArray(part) ? part['prefix'] : undefined;
  if (prefix !== undefined && asRecord(prefix)['len'] !== 0) {
    const isIpv6 = String(asRecord(prefix)['addr']).includes(':');
    yield { prefix: { addr: isIpv6 ? '::' : '0.0.0.0', len: 0 } };
  }
}

function* mutateChain(entries: Entry[], at: number, write: Write): Generator<Mutation> {
  const chain = asRecord(entries[at]?.['chain']);
  const { family, table, name } = chain;
  const where = `chain ${String(family)} ${String(name)}`;
  if (chain['policy'] === 'accept') yield write(`${where}: policy drop`, (copy) => (asRecord(copy[at]?.['chain'])['policy'] = 'drop'));
  if (chain['hook'] !== undefined) yield write(`${where}: without its hook`, (copy) => delete asRecord(copy[at]?.['chain'])['hook']);
  const first = entries.findIndex((entry) => {
    const rule = entry['rule'] === undefined ? undefined : asRecord(entry['rule']);
    return rule?.['family'] === family && rule?.['chain'] === name;
  });
  if (first === -1) return;
  for (const verdict of ['accept', 'drop'])
    yield write(`${where}: begins with ${verdict}`, (copy) =>
      copy.splice(first, 0, {
        rule: { family: family ?? '', table: table ?? '', chain: name ?? '', handle: 9999, expr: [{ [verdict]: null }] },
      }),
    );
}

function short(value: Json): string {
  return text(value).slice(0, 90);
}
