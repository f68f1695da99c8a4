// A rule of the kernel as steps that can be taken with a packet. Whatever is not understood becomes a step that cannot be taken.
import { type Field, compileFields } from './fields.ts';
import { type Ranges, intersect, none, subtract } from './l4-ranges.ts';
import { Lookup } from './lookup.ts';
import type { Branch, Packet } from './packet.ts';
import { type Json, type KernelRule, type Ruleset, keyOf } from './ruleset.ts';
import { type Bounds, joinBits, readPoint } from './values.ts';

export type KernelVerdict =
  | { do: 'accept' | 'return' | 'continue' }
  | { do: 'refuse'; how: 'drop' | 'reject' }
  | { do: 'jump' | 'goto'; chain: string };

/** Parts of what a branch is about; what is in neither goes no further with this rule. */
interface Split {
  hit: Ranges;
  unsure: Ranges;
}

export type Step =
  | { kind: 'match'; split: (branch: Branch) => Split }
  | { kind: 'change'; change: (branch: Branch) => Branch }
  | { kind: 'verdict'; verdict: KernelVerdict }
  /** The verdict depends on the packet; undefined where that cannot be told. */
  | { kind: 'choose'; choose: (branch: Branch) => { ranges: Ranges; verdict: KernelVerdict }[] | undefined }
  /** Exchanges the destination. */
  | {
      kind: 'exchange';
      choose: (branch: Branch) => { ranges: Ranges; destination: number | bigint; port: number | undefined }[] | undefined;
    }
  | { kind: 'strange'; what: string };

/** Everything that rules look up, each in the form that they look it up in. */
export class Lookups {
  readonly ruleset: Ruleset;
  readonly #made = new Map<string, Lookup>();

  constructor(ruleset: Ruleset) {
    this.ruleset = ruleset;
  }

  named(rule: KernelRule, name: string, fields: readonly Field[], isMap: boolean): Lookup | undefined {
    const key = keyOf(rule.family, rule.table, name);
    const set = this.ruleset.sets.get(key);
    if (!set || set.isMap !== isMap) return undefined;
    const form = `${key}: ${fields.map(({ name: of, kind }) => `${of} ${kind}`).join(' . ')}`;
    let lookup = this.#made.get(form);
    if (!lookup) this.#made.set(form, (lookup = new Lookup(fields, set.elements, isMap)));
    return lookup;
  }
}

export function compileRule(rule: KernelRule, lookups: Lookups): Step[] {
  return rule.expr.flatMap((statement): Step[] => {
    const [form = '', of = null] =
      typeof statement === 'object' && statement !== null && !Array.isArray(statement) ? (Object.entries(statement)[0] ?? []) : [];
    const strange: Step[] = [{ kind: 'strange', what: JSON.stringify(statement, plainly).slice(0, 120) }];
    switch (form) {
      case 'counter':
      case 'log':
      case 'comment':
        return [];
      case 'match':
        return optional(compileMatch(record(of), rule, lookups)) ?? strange;
      case 'limit':
        return [{ kind: 'match', split: whenFlood('flow', isInverted(of)) }];
      case 'ct count':
        return [{ kind: 'match', split: whenFlood('connections', isInverted(of)) }];
      case 'set':
        return compileUpdate(record(of)) ?? strange;
      case 'mangle':
        return optional(compileMangle(record(of))) ?? strange;
      case 'vmap':
        return optional(compileVerdictMap(record(of), rule, lookups)) ?? strange;
      case 'dnat':
        return optional(compileExchange(record(of), rule, lookups)) ?? strange;
      case 'masquerade':
        return of === null ? [{ kind: 'change', change: (branch) => ({ ...branch, isMasked: true }) }, accept] : strange;
      default: {
        const verdict = readVerdict(form, of);
        return verdict ? [{ kind: 'verdict', verdict }] : strange;
      }
    }
  });
}

const accept: Step = { kind: 'verdict', verdict: { do: 'accept' } };

function readVerdict(form: string, of: Json): KernelVerdict | undefined {
  switch (form) {
    case 'accept':
    case 'return':
    case 'continue':
      return { do: form };
    case 'drop':
      return { do: 'refuse', how: 'drop' };
    case 'reject':
      return { do: 'refuse', how: 'reject' };
    case 'jump':
    case 'goto': {
      const chain = record(of)?.['target'];
      return typeof chain === 'string' ? { do: form, chain } : undefined;
    }
    default:
      return undefined;
  }
}

function compileMatch(match: Record<string, Json> | undefined, rule: KernelRule, lookups: Lookups): Step | undefined {
  const [op, left, right] = [match?.['op'], match?.['left'], match?.['right']];
  const fields = left === undefined ? undefined : compileFields(left);
  if (!fields || right === undefined || typeof op !== 'string') return undefined;
  if (op === 'in') return compileBits(fields, right);
  const lookup = compileLookup(op, fields, right, rule, lookups);
  if (!lookup) return undefined;
  if (op !== '!=') return { kind: 'match', split: (branch) => lookup.find(branch) };
  return {
    kind: 'match',
    split: (branch) => {
      const { within, hit, unsure } = lookup.find(branch);
      return { hit: subtract(subtract(within, hit), unsure), unsure };
    },
  };
}

function compileLookup(op: string, fields: Field[], right: Json, rule: KernelRule, lookups: Lookups): Lookup | undefined {
  const [only] = fields;
  if (!only) return undefined;
  if (op === '==' || op === '!=') {
    if (typeof right === 'string' && right.startsWith('@')) return lookups.named(rule, right.slice(1), fields, false);
    const list = record(right)?.['set'];
    return new Lookup(fields, list === undefined ? [right] : Array.isArray(list) ? list : [list], false);
  }
  const bounds = fields.length === 1 ? boundsOf(op, only, right) : undefined;
  return bounds && Lookup.ofBounds(fields, [bounds]);
}

function boundsOf(op: string, { kind }: Field, right: Json): Bounds | undefined {
  const point = readPoint(kind, right);
  if (point === undefined) return undefined;
  const isBig = typeof point === 'bigint';
  const [zero, most] = isBig ? [0n, (1n << 128n) - 1n] : [0, 2 ** 48 - 1];
  const minus = (typeof point === 'bigint' ? point - 1n : point - 1) as number;
  const plus = (typeof point === 'bigint' ? point + 1n : point + 1) as number;
  switch (op) {
    case '<':
      return { first: zero, last: minus };
    case '<=':
      return { first: zero, last: point };
    case '>':
      return { first: plus, last: most };
    case '>=':
      return { first: point, last: most };
    default:
      return undefined;
  }
}

/** Any of these bits. */
function compileBits([field, ...others]: Field[], right: Json): Step | undefined {
  const list = record(right)?.['set'] ?? right;
  const bits = joinBits(Array.isArray(list) ? list : [list]);
  if (!field || others.length > 0 || bits === undefined) return undefined;
  return {
    kind: 'match',
    split(branch) {
      const reading = field.read(branch);
      if (reading.is === 'absent') return { hit: none, unsure: none };
      if (reading.is !== 'value' || typeof reading.value !== 'number') return { hit: none, unsure: branch.ranges };
      return { hit: (reading.value & bits) === 0 ? none : reading.within, unsure: none };
    },
  };
}

/** Limits: what is more than one, or within it. */
function whenFlood(of: NonNullable<Packet['flood']>, isOver: boolean): (branch: Branch) => Split {
  return ({ packet, ranges }) => ({ hit: (packet.flood === of) === isOver ? ranges : none, unsure: none });
}

function isInverted(of: Json): boolean {
  return record(of)?.['inv'] === true;
}

/** Elements that packets add: counted by nothing here, but what is done for each of them is a limit. */
function compileUpdate(of: Record<string, Json> | undefined): Step[] | undefined {
  const statements = of?.['stmt'] ?? [];
  if (of?.['op'] === 'delete' || !Array.isArray(statements)) return undefined;
  const steps = statements.map((each): Step | undefined => {
    const { limit, 'ct count': count, ...others } = record(each) ?? {};
    if (Object.keys(others).length > 0) return undefined;
    if (limit !== undefined) return { kind: 'match', split: whenFlood('questions', isInverted(limit)) };
    return count === undefined ? undefined : { kind: 'match', split: whenFlood('connections', isInverted(count)) };
  });
  return steps.every((step) => step !== undefined) ? steps : undefined;
}

function compileMangle(of: Record<string, Json> | undefined): Step | undefined {
  const key = record(of?.['key']);
  const value = readPoint('number', of?.['value']);
  if (typeof value !== 'number') return undefined;
  if (record(key?.['meta'])?.['key'] === 'mark') return { kind: 'change', change: (branch) => ({ ...branch, mark: value }) };
  if (record(key?.['ct'])?.['key'] === 'mark') return { kind: 'change', change: (branch) => ({ ...branch, connectionMark: value }) };
  return undefined;
}

function compileMap(of: Record<string, Json> | undefined, rule: KernelRule, lookups: Lookups): Lookup | undefined {
  const fields = of?.['key'] === undefined ? undefined : compileFields(of['key']);
  const data = of?.['data'];
  if (!fields) return undefined;
  if (typeof data === 'string' && data.startsWith('@')) return lookups.named(rule, data.slice(1), fields, true);
  const list = record(data)?.['set'];
  return Array.isArray(list) ? new Lookup(fields, list, true) : undefined;
}

function compileVerdictMap(of: Record<string, Json> | undefined, rule: KernelRule, lookups: Lookups): Step | undefined {
  const map = compileMap(of, rule, lookups);
  if (!map) return undefined;
  return {
    kind: 'choose',
    choose(branch) {
      const found = map.each(branch, branch.ranges);
      if (found === 'unsure') return undefined;
      const chosen = found.map(({ element, ranges }) => {
        const [form = '', value = null] = Object.entries(record(element.data) ?? {})[0] ?? [];
        return { ranges, verdict: readVerdict(form, value) };
      });
      return chosen.every(({ verdict }) => verdict !== undefined) ? (chosen as { ranges: Ranges; verdict: KernelVerdict }[]) : undefined;
    },
  };
}

function compileExchange(of: Record<string, Json> | undefined, rule: KernelRule, lookups: Lookups): Step | undefined {
  const { family, addr, port, ...others } = of ?? {};
  if (Object.keys(others).length > 0 || addr === undefined) return undefined;
  const kind = family === 'ip' ? 'ipv4' : family === 'ip6' ? 'ipv6' : undefined;
  if (!kind) return undefined;
  const read = (data: Json | undefined) => {
    const parts = record(data)?.['concat'];
    const [address, to] = Array.isArray(parts) ? parts : [data, port];
    const destination = readPoint(kind, address);
    const exchanged = to === undefined ? undefined : readPoint('number', to);
    const isRead = destination !== undefined && (to === undefined || typeof exchanged === 'number');
    return isRead ? { destination, port: exchanged as number | undefined } : undefined;
  };
  const map = record(record(addr)?.['map']);
  if (!map) {
    const exchange = read(addr);
    return exchange && { kind: 'exchange', choose: ({ ranges }) => [{ ranges, ...exchange }] };
  }
  const lookup = compileMap(map, rule, lookups);
  if (!lookup) return undefined;
  return {
    kind: 'exchange',
    choose(branch) {
      const found = lookup.each(branch, branch.ranges);
      if (found === 'unsure') return undefined;
      const chosen = found.map(({ element, ranges }) => ({ ranges, exchange: read(element.data) }));
      return chosen.every(({ exchange }) => exchange !== undefined)
        ? chosen.map(({ ranges, exchange }) => ({ ranges, ...(exchange as NonNullable<typeof exchange>) }))
        : undefined;
    },
  };
}

function optional(step: Step | undefined): Step[] | undefined {
  return step && [step];
}

function record(json: Json | undefined): Record<string, Json> | undefined {
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : undefined;
}

function plainly(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

/** What of a branch a split leaves to the rules after it. */
export function restOf(branch: Branch, { hit, unsure }: Split): { hit: Ranges; unsure: Ranges; rest: Ranges } {
  const mine = intersect(branch.ranges, hit);
  const doubtful = unsure.length === 0 ? none : intersect(branch.ranges, unsure);
  return { hit: mine, unsure: doubtful, rest: subtract(subtract(branch.ranges, mine), doubtful) };
}
