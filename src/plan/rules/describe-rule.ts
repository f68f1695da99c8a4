// A rule of the kernel in a line, as nft would write it: with its place and the handle by which nft finds it. Pure.
import type { Json, KernelRule } from './ruleset.ts';

export function describeRule({ family, table, chain, handle, expr }: KernelRule): string {
  return `${family} ${table} ${chain} (handle ${handle}): ${expr
    .map(describeStatement)
    .filter((text) => text !== '')
    .join(' ')}`.slice(0, 240);
}

function describeStatement(statement: Json): string {
  const [form = '', of = null] = entryOf(statement);
  const parts = recordOf(of);
  switch (form) {
    case 'counter':
      return '';
    case 'match': {
      const op = parts['op'] === '==' || parts['op'] === 'in' ? '' : `${String(parts['op'])} `;
      return `${describeValue(parts['left'])} ${op}${describeValue(parts['right'])}`;
    }
    case 'mangle':
      return `${describeValue(parts['key'])} set ${describeValue(parts['value'])}`;
    case 'jump':
    case 'goto':
      return `${form} ${String(parts['target'])}`;
    case 'limit':
      return typeof of === 'string'
        ? `limit ${of}`
        : `limit ${parts['inv'] === true ? 'over ' : ''}${String(parts['rate'])}/${String(parts['per'])}`;
    case 'log':
      return 'log';
    case 'set':
      return `${String(parts['op'])} ${String(parts['set'])}`;
    case 'dnat':
      return `dnat to ${describeValue(parts['addr'])}`;
    default:
      return of === null ? form : `${form} ${describeValue(of)}`;
  }
}

function describeValue(value: Json | undefined): string {
  if (Array.isArray(value)) return value.map(describeValue).join(',');
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  const [form = '', of = null] = entryOf(value);
  const parts = recordOf(of);
  switch (form) {
    case 'meta':
      return String(parts['key']);
    case 'ct':
      return `ct ${parts['dir'] === undefined ? '' : `${String(parts['dir'])} `}${String(parts['key'])}`;
    case 'payload':
      return parts['base'] === undefined
        ? `${String(parts['protocol'])} ${String(parts['field'])}`
        : `@${String(parts['base'])},${String(parts['offset'])},${String(parts['len'])}`;
    case 'exthdr':
      return `${String(parts['name'])} ${String(parts['field'])}`;
    case 'concat':
      return Array.isArray(of) ? of.map(describeValue).join(' . ') : '';
    case 'prefix':
      return `${String(parts['addr'])}/${String(parts['len'])}`;
    case 'range':
      return Array.isArray(of) ? of.map(describeValue).join('-') : '';
    case 'set':
      return `{ ${Array.isArray(of) ? of.map(describeValue).join(', ') : ''} }`;
    case 'map':
      return `${describeValue(parts['key'])} map ${describeValue(parts['data'])}`;
    case '&':
      return Array.isArray(of) ? of.map(describeValue).join(' & ') : '';
    default:
      return form;
  }
}

function entryOf(value: Json): [string, Json] | [] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (Object.entries(value)[0] ?? []) : [];
}

function recordOf(value: Json): Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
