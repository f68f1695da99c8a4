// What nft says in JSON (`nft -j -n list …`) as tables, chains and sets. Whatever a rule says is kept as it was said, and read when the
// rule is compiled. Pure.
import { CaissonError } from '../../lib/errors.ts';

export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };

export interface KernelRule {
  family: string;
  table: string;
  chain: string;
  /** Place in its chain, from 1. */
  place: number;
  /** By which nft finds it again. */
  handle: number;
  expr: Json[];
}

export interface KernelChain {
  family: string;
  table: string;
  name: string;
  /** Of a base chain. */
  hook?: { type: string; name: string; priority: number; policy: string };
  rules: KernelRule[];
}

export interface KernelSet {
  family: string;
  table: string;
  name: string;
  isMap: boolean;
  elements: Json[];
}

export interface KernelLimit {
  rate: number;
  per: string;
  burst: number;
}

export interface Ruleset {
  chains: ReadonlyMap<string, KernelChain>;
  sets: ReadonlyMap<string, KernelSet>;
  limits: ReadonlyMap<string, KernelLimit>;
  /** Things in force that are not understood, in words. */
  strange: readonly string[];
}

/** The key of something within a table. */
export function keyOf(family: string, table: string, name: string): string {
  return `${family} ${table} ${name}`;
}

/** Throws `invalid` for what is no JSON of nft. */
export function readRuleset(json: string): Ruleset {
  const entries = asList(asRecord(parse(json))['nftables']);
  const chains = new Map<string, KernelChain>();
  const sets = new Map<string, KernelSet>();
  const limits = new Map<string, KernelLimit>();
  const strange: string[] = [];
  for (const entry of entries.map(asRecord)) {
    const [kind = '', value] = Object.entries(entry)[0] ?? [];
    const of = asRecord(value);
    const [family, table, name] = [asText(of['family']), asText(of['table']), asText(of['name'])];
    const key = keyOf(family, table, name);
    if (kind === 'metainfo' || kind === 'table') continue;
    if (kind === 'chain') chains.set(key, { family, table, name, rules: [], ...hookOf(of) });
    else if (kind === 'set' || kind === 'map')
      sets.set(key, { family, table, name, isMap: kind === 'map', elements: of['elem'] === undefined ? [] : asList(of['elem']) });
    else if (kind === 'limit') limits.set(key, { rate: Number(of['rate']), per: asText(of['per']), burst: Number(of['burst']) });
    else if (kind === 'rule') {
      const chain = chains.get(keyOf(family, table, asText(of['chain'])));
      if (!chain) throw new CaissonError('invalid', `nft tells a rule of the chain ${asText(of['chain'])}, which it does not tell`);
      const { rules } = chain;
      rules.push({ family, table, chain: chain.name, place: rules.length + 1, handle: Number(of['handle']), expr: asList(of['expr']) });
    } else strange.push(`${kind} ${family} ${table} ${name}`);
  }
  return { chains, sets, limits, strange };
}

/** Whatever rules ask connections to be marked with, or mark them with. */
export function connectionMarks({ chains }: Ruleset): Set<number> {
  const marks = new Set<number>();
  for (const { rules } of chains.values()) {
    for (const statement of rules.flatMap(({ expr }) => expr)) {
      const [said] = Object.values(asRecord(statement));
      if (typeof said !== 'object' || said === null || Array.isArray(said)) continue;
      const [about, mark] = [said['left'] ?? said['key'], said['right'] ?? said['value']];
      if (isConnectionMark(about) && typeof mark === 'number') marks.add(mark);
    }
  }
  return marks;
}

function isConnectionMark(json: Json | undefined): boolean {
  const ct = typeof json === 'object' && json !== null && !Array.isArray(json) ? json['ct'] : undefined;
  return typeof ct === 'object' && ct !== null && !Array.isArray(ct) && ct['key'] === 'mark';
}

function hookOf(of: Record<string, Json>): Pick<KernelChain, 'hook'> {
  if (of['hook'] === undefined) return {};
  return {
    hook: { type: asText(of['type']), name: asText(of['hook']), priority: Number(of['prio']), policy: asText(of['policy'] ?? 'accept') },
  };
}

function parse(json: string): Json {
  try {
    return JSON.parse(json, exactNumber as (key: string, value: Json) => Json) as Json;
  } catch (error) {
    throw new CaissonError('invalid', 'what nft says of the rules in force is no JSON', { cause: error });
  }
}

/** What a double does not hold exactly is kept whole. `context` is given by the engine, which TypeScript does not know yet. */
function exactNumber(_key: string, value: Json, context: { source?: string }): Json {
  const isExact = typeof value !== 'number' || Number.isSafeInteger(value) || !/^-?\d+$/.test(context.source ?? '');
  return isExact ? value : BigInt(context.source ?? '');
}

export function asRecord(value: Json | undefined): Record<string, Json> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CaissonError('invalid', `nft says ${JSON.stringify(String(value)).slice(0, 80)} where a record was expected`);
  return value;
}

function asList(value: Json | undefined): Json[] {
  if (!Array.isArray(value)) throw new CaissonError('invalid', 'nft says something else where a list was expected');
  return value;
}

function asText(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}
