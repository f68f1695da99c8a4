// Whether the sets in the kernel hold what was rendered: the two spell ranges differently, so both are read as numbers. Pure.
import { addressFromBigInt, addressToBigInt, canonicalAddress, cidrBounds, familyOf, parseCidr } from '../../model/address.ts';
import type { Table } from './table.ts';

/** A value of nft's JSON within an element. */
type Value =
  | string
  | number
  | { prefix: { addr: string | number; len: number } }
  | { range: [string | number, string | number] }
  | { concat: Value[] }
  | { elem: { val: Value; comment?: string } };

interface SetEntry {
  family: string;
  name: string;
  elem?: (Value | [Value, Value])[];
}

export type RulesetEntry = Record<string, { family?: string; name?: string; table?: string; elem?: unknown }>;

/** Names of sets that differ, `inet guests4`; those that packets fill are not looked at. */
export function findOtherElements(ruleset: readonly RulesetEntry[], tables: readonly Table[]): string[] {
  const present = new Map(
    ruleset.flatMap((entry) => {
      const set = (entry['set'] ?? entry['map']) as SetEntry | undefined;
      return set ? [[`${set.family} ${set.name}`, set] as [string, SetEntry]] : [];
    }),
  );
  const known = new Map<string, string>();
  const once = (text: string) => {
    let found = known.get(text);
    if (found === undefined) known.set(text, (found = boundsOf(text)));
    return found;
  };
  return tables.flatMap((table) =>
    table.sets.flatMap((set) => {
      if (set.flags === 'dynamic') return [];
      const key = `${table.family} ${set.name}`;
      const there = present.get(key)?.elem ?? [];
      const wanted = new Set(set.elements.map((element) => ofText(element, once)));
      const isSame = present.has(key) && there.length === wanted.size && there.every((element) => wanted.has(ofValue(element, once)));
      return isSame ? [] : [key];
    }),
  );
}

function ofText(element: string, once: (text: string) => string): string {
  const [key = '', data] = element.replace(/ comment "[^"]*"$/, '').split(' : ');
  const parts = (text: string) => text.split(' . ').map((part) => once(part.replaceAll('"', '')));
  return [...parts(key), ...(data === undefined ? [] : [':', ...parts(data)])].join(' ');
}

function ofValue(element: Value | [Value, Value], once: (text: string) => string): string {
  if (Array.isArray(element)) return `${ofValue(element[0], once)} : ${ofValue(element[1], once)}`;
  if (typeof element !== 'object') return once(String(element));
  if ('elem' in element) return ofValue(element.elem.val, once);
  if ('concat' in element) return element.concat.map((part) => ofValue(part, once)).join(' ');
  if ('prefix' in element) return once(`${element.prefix.addr}/${element.prefix.len}`);
  return once(element.range.join('-'));
}

const protocols: Record<string, string> = { tcp: '6', udp: '17' };

/** `first-last` in canonical spelling; of a word the word itself. */
function boundsOf(text: string): string {
  const cidr = parseCidr(text);
  if (cidr) {
    const { first, last } = cidrBounds(cidr);
    return `${addressFromBigInt(cidr.family, first)}-${addressFromBigInt(cidr.family, last)}`;
  }
  const [first = '', last = first] = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(text) ? [text] : text.split('-');
  const one = pointOf(first);
  return `${one}-${last === first ? one : pointOf(last)}`;
}

function pointOf(text: string): string {
  const address = canonicalAddress(text);
  if (address !== undefined) return addressFromBigInt(familyOf(address), addressToBigInt(address));
  if (/^(0x[0-9a-f]+|\d+)$/.test(text)) return String(BigInt(text));
  return protocols[text] ?? text;
}
