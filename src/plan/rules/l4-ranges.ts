// What a packet carries above its addresses as one number, so that rules are decided for all of it at once: the protocol, and below it the
// port that is asked about, or type and code of ICMP. Ranges of such numbers are flat lists of inclusive pairs, ascending and disjoint.

export type Ranges = readonly number[];

export const whole: Ranges = [0, 0xff_ffff];
export const none: Ranges = [];

export const protocols = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;
/** Those that have ports where tcp and udp have them. */
const withPorts = [6, 17, 33, 132, 136];

export function ofProtocols(first: number, last: number): Ranges {
  return [first * 65_536, last * 65_536 + 65_535];
}

/** A port, or type and code, of one protocol. */
export function ofProtocol(protocol: number, first: number, last: number): Ranges {
  return [protocol * 65_536 + first, protocol * 65_536 + last];
}

/** Whatever protocol has ports. */
export function ofPorts(first: number, last: number): Ranges {
  return withPorts.flatMap((protocol) => ofProtocol(protocol, first, last));
}

/** Of one protocol. */
export function ofTypes(protocol: number, first: number, last: number): Ranges {
  return ofProtocol(protocol, first * 256, last * 256 + 255);
}

export function intersect(a: Ranges, b: Ranges): Ranges {
  if (a === whole || b.length === 0) return b;
  if (b === whole || a.length === 0) return a;
  const found: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const first = Math.max(a[i] as number, b[j] as number);
    const last = Math.min(a[i + 1] as number, b[j + 1] as number);
    if (first <= last) found.push(first, last);
    if ((a[i + 1] as number) < (b[j + 1] as number)) i += 2;
    else j += 2;
  }
  return found;
}

export function subtract(a: Ranges, b: Ranges): Ranges {
  if (b.length === 0 || a.length === 0) return a;
  if (b === whole) return none;
  const left: number[] = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let first = a[i] as number;
    const last = a[i + 1] as number;
    while (j < b.length && (b[j + 1] as number) < first) j += 2;
    for (let k = j; k < b.length && (b[k] as number) <= last; k += 2) {
      if ((b[k] as number) > first) left.push(first, (b[k] as number) - 1);
      first = Math.max(first, (b[k + 1] as number) + 1);
    }
    if (first <= last) left.push(first, last);
  }
  return left;
}

export function unite(lists: readonly Ranges[]): Ranges {
  const filled = lists.filter((list) => list.length > 0);
  if (filled.length <= 1) return filled[0] ?? none;
  const pairs: [number, number][] = [];
  for (const list of filled) for (let at = 0; at < list.length; at += 2) pairs.push([list[at] as number, list[at + 1] as number]);
  pairs.sort((a, b) => a[0] - b[0]);
  const found: number[] = [];
  for (const [first, last] of pairs) {
    const before = found.length - 1;
    if (before > 0 && first <= (found[before] as number) + 1) found[before] = Math.max(found[before] as number, last);
    else found.push(first, last);
  }
  return found;
}

/** For people: `tcp/80`, `udp/5000-5100`, `icmp/8`, `protocol/47`, `everything else`; at most `most` of them. */
export function describeL4(ranges: Ranges, most = 6): string {
  const words: string[] = [];
  for (let at = 0; at < ranges.length; at += 2) words.push(...describePair(ranges[at] as number, ranges[at + 1] as number));
  return words.length > most ? `${words.slice(0, most).join(', ')} and ${words.length - most} more` : words.join(', ');
}

function describePair(first: number, last: number): string[] {
  const [from, to] = [first >> 16, last >> 16];
  if (from === to) return [describeWithin(from, first & 0xffff, last & 0xffff)];
  const head = first & 0xffff ? [describeWithin(from, first & 0xffff, 0xffff)] : [];
  const tail = (last & 0xffff) < 0xffff ? [describeWithin(to, 0, last & 0xffff)] : [];
  const [a, b] = [head.length > 0 ? from + 1 : from, tail.length > 0 ? to - 1 : to];
  if (a === 0 && b === 255) return ['everything'];
  const middle = a > b ? [] : a === b ? [describeWithin(a, 0, 0xffff)] : [`protocol/${a}-${b}`];
  return [...head, ...middle, ...tail];
}

function describeWithin(protocol: number, first: number, last: number): string {
  const isAll = first === 0 && last === 0xffff;
  const span = (a: number, b: number) => (a === b ? String(a) : `${a}-${b}`);
  if (protocol === protocols.tcp || protocol === protocols.udp)
    return `${protocol === protocols.tcp ? 'tcp' : 'udp'}${isAll ? '' : `/${span(first, last)}`}`;
  if (protocol === protocols.icmp || protocol === protocols.icmpv6) return `icmp${isAll ? '' : `/${span(first >> 8, last >> 8)}`}`;
  return `protocol/${protocol}`;
}
