// What the audit log keeps of a request: what it is about and what was asked for. Only fields that the endpoint's row names; large ones by
// their digest; addresses without what may be a password in them; guests by their name, which is what a reader knows, however they were asked for. Pure.
import { createHash } from 'node:crypto';
import type { Endpoint } from '../../api/endpoint.ts';
import type { NewLogEntry } from '../../model/log-entry.ts';
import { scopeText } from '../../model/rights.ts';
import type { RawRequest } from './parse-call.ts';

/** Characters of JSON that a field may have. */
const maxFieldChars = 1024;

type GuestName = (uid: string) => string | undefined;

/** Of a checked request. */
export function describeRequest(
  endpoint: Endpoint,
  { params, query, body }: RawRequest,
  guestName: GuestName = () => undefined,
): Pick<NewLogEntry, 'object' | 'parameters'> {
  const fields = (part: unknown) => Object.entries((part ?? {}) as Record<string, unknown>);
  const kept = [...fields(query), ...fields(body).filter(([name]) => endpoint.logs?.includes(name))].filter(
    ([, value]) => value !== undefined,
  );
  const parameters = Object.fromEntries(kept.map(([name, value]) => [name, bounded(value, guestName)]));
  return { object: objectOf(endpoint, params, guestName), ...(kept.length > 0 ? { parameters } : {}) };
}

/** `/v1/guests/:guest/stop` of web → `guest/web`; `/v1/host/shutdown` → `host`. */
function objectOf(endpoint: Endpoint, params: unknown, guestName: GuestName): string {
  const [, , noun = '', step = ''] = endpoint.path.split('/');
  const singular = noun.replace(/s$/, '');
  if (!step.startsWith(':')) return singular;
  const name = String((params as Record<string, unknown>)[step.slice(1)]);
  return `${singular}/${(singular === 'guest' ? guestName(name) : undefined) ?? name}`;
}

function bounded(value: unknown, guestName: GuestName): unknown {
  const json = JSON.stringify(readable(value, guestName));
  if (json.length <= maxFieldChars) return JSON.parse(json) as unknown;
  return { sha256: createHash('sha256').update(json).digest('hex'), bytes: Buffer.byteLength(json) };
}

/** Addresses lose user, password and query, where keys are carried; what a role is on is said by its name. */
function readable(value: unknown, guestName: GuestName): unknown {
  if (typeof value === 'string')
    return scopeText(value, guestName)
      .replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/gi, '$1')
      .replace(/^(https?:\/\/[^?\s]*)\?.*$/is, '$1');
  if (Array.isArray(value)) return value.map((each) => readable(each, guestName));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, readable(field, guestName)]));
}
