// nftables tables as values: what is rendered, written out whole, and compared with what was applied before.
import type { Hash } from 'node:crypto';

export interface RuleSet {
  name: string;
  /** `ipv4_addr . inet_service`; of a map also what it leads to, `ipv4_addr : verdict`. */
  type: string;
  /** `typeof` declares its keys as expressions. */
  declared?: 'type' | 'typeof';
  kind?: 'set' | 'map';
  flags?: 'interval' | 'dynamic';
  /** At most so many elements; of a dynamic set. */
  size?: number;
  /** In the order in which they are written; none of a dynamic set, which packets fill. */
  elements: string[];
  /** What tells the elements from any others, where that is known at less cost than by reading them. */
  digest?: string;
}

export interface Chain {
  name: string;
  /** `filter hook input priority filter`; its policy is to accept. */
  hook?: string;
  rules: string[];
}

export interface Table {
  family: 'arp' | 'bridge' | 'inet';
  limits: { name: string; rate: string }[];
  sets: RuleSet[];
  chains: Chain[];
}

/** For `nft -f`. Nft wants a newline before each closing brace. */
export function writeTable(table: Table): string {
  const parts = [
    ...table.limits.map(({ name, rate }) => `\tlimit ${name} {\n\t\t${rate}\n\t}`),
    ...table.sets.map(
      (set) => `\t${set.kind ?? 'set'} ${set.name} {\n${describeSet(set).replaceAll(/^/gm, '\t\t')}\n${writeElements(set.elements)}\t}`,
    ),
    ...table.chains.map(({ name, hook, rules }) => {
      const lines = [...(hook === undefined ? [] : [describeHook(hook)]), ...rules];
      return `\tchain ${name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}`;
    }),
  ];
  return `table ${table.family} caisson {\n${parts.join('\n')}\n}\n`;
}

/** Gives `hash` whatever tells the table from any other. */
export function hashTable({ family, limits, sets, chains }: Table, hash: Hash): void {
  hash.update(JSON.stringify([family, limits, chains]));
  for (const set of sets) {
    hash.update(`\n${set.kind ?? 'set'} ${set.name} ${describeSet(set)}\n`);
    if (set.digest === undefined) hash.update(set.elements.join('\n'));
    else hash.update(set.digest, 'latin1');
  }
}

/** What stands between the braces of a set, without its elements. */
export function describeSet({ type, declared = 'type', flags, size }: RuleSet): string {
  return [`${declared} ${type}`, ...(flags ? [`flags ${flags}`] : []), ...(size === undefined ? [] : [`size ${size}`])].join('\n');
}

export function describeHook(hook: string): string {
  return `type ${hook}; policy accept;`;
}

/** An element with what a person reads beside it, of `quotable` text. */
export function withComment(element: string, comment: string): string {
  return comment === '' ? element : `${element} comment "${comment}"`;
}

function writeElements(elements: string[]): string {
  return elements.length === 0 ? '' : `\t\telements = {\n\t\t\t${elements.join(',\n\t\t\t')}\n\t\t}\n`;
}
