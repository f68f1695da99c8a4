// Guests as they were stored before they could have several nics: zone and addresses were the guest's own. Read as they were meant.
import { isRecord } from './plain-record.ts';

/** A stored wish, in today's shape. */
export function readOldSpec(spec: unknown): unknown {
  if (!isRecord(spec) || 'nics' in spec) return spec;
  const { zone, addresses, ...rest } = spec;
  return { ...rest, nics: [{ zone, addresses }] };
}

/** A stored guest, in today's shape. */
export function readOldGuest(record: unknown): unknown {
  if (!isRecord(record)) return record;
  const { addresses } = record;
  const isFlat = Array.isArray(addresses) && addresses.every((address) => typeof address === 'string');
  return { ...record, spec: readOldSpec(record['spec']), ...(isFlat ? { addresses: [addresses] } : {}) };
}
