// What the audit log keeps of a request: what it is about and what was asked for. Only fields that the endpoint's row names; large ones by
// their digest; addresses without what may be a password in them. Pure.
import { createHash } from 'node:crypto';
import type { Endpoint } from '../../api/endpoint.ts';
import type { NewLogEntry } from '../../model/log-entry.ts';
import type { RawRequest } from './parse-call.ts';

/** Characters of JSON that a field may have. */
const maxFieldChars = 1024;

/** Of a checked request. */
export function describeRequest(endpoint: Endpoint, { params, query, body }: RawRequest): Pick<NewLogEntry, 'object' | 'parameters'> {
  const fields = (part: unknown) => Object.entries((part ?? {}) as Record<string, unknown>);
  const kept = [...fields(query), ...fields(body).filter(([name]) => endpoint.logs?.includes(name))].filter(
    ([, value]) => value !== undefined,
  );
  const parameters = Object.fromEntries(kept.map(([name, value]) => [name, bounded(value)]));
  return { object: objectOf(endpoint, params), ...(kept.length > 0 ? { parameters } : {}) };
}

/** `/v1/guests/:guest/stop` of web → `guest/web`; `/v1/host/shutdown` → `host`. */
function objectOf(endpoint: Endpoint, params: unknown): string {
  const [, , noun = '', step = ''] = endpoint.path.split('/');
  const singular = noun.replace(/s$/, '');
  if (!step.startsWith(':')) return singular;
  return `${singular}/${String((params as Record<string, unknown>)[step.slice(1)])}`;
}

function bounded(value: unknown): unknown {
  const json = JSON.stringify(withoutCredentials(value));
  if (json.length <= maxFieldChars) return JSON.parse(json) as unknown;
  return { sha256: createHash('sha256').update(json).digest('hex'), bytes: Buffer.byteLength(json) };
}

/** Addresses lose user, password and query, where keys are carried. */
function withoutCredentials(value: unknown): unknown {
  if (typeof value === 'string')
    return value.replaceAll(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/gi, '$1').replace(/^(https?:\/\/[^?\s]*)\?.*$/is, '$1');
  if (Array.isArray(value)) return value.map(withoutCredentials);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withoutCredentials(field)]));
}
