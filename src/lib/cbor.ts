// CBOR (RFC 8949) as authenticators write it (CTAP2 canonical form): whole numbers, byte and text strings, lists and maps, all of a length that stands
// before them. Everything else is refused, so that nothing has two readings. Pure.
import { CaissonError } from './errors.ts';

export type CborValue = number | boolean | null | string | Buffer | CborValue[] | CborMap;
export type CborMap = Map<number | string, CborValue>;

const mostDepth = 8;

/** The value that begins at `start`, and where it ends. Throws `invalid`. */
export function readCbor(bytes: Buffer, start = 0): { value: CborValue; end: number } {
  let at = start;
  const take = (length: number): Buffer => {
    if (length > bytes.length - at) throw notCbor('it ends too early');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const readLength = (short: number): number => {
    if (short < 24) return short;
    if (short > 26) throw notCbor('a length or number of this kind is not expected');
    const size = 2 ** (short - 24);
    return take(size).readUIntBE(0, size);
  };
  const read = (depth: number): CborValue => {
    if (depth > mostDepth) throw notCbor('it is nested too deeply');
    const first = take(1)[0] ?? 0;
    const [kind, short] = [first >> 5, first & 31];
    if (kind === 7) return readSimple(short);
    const length = readLength(short);
    switch (kind) {
      case 0:
        return length;
      case 1:
        return -1 - length;
      case 2:
        return take(length);
      case 3:
        return new TextDecoder('utf-8', { fatal: true }).decode(take(length));
      case 4:
        return Array.from({ length: bounded(length) }, () => read(depth + 1));
      case 5:
        return readMap(bounded(length), depth);
      default:
        throw notCbor('a tag is not expected');
    }
  };
  // Each item has at least one byte: a length beyond what is left would only take memory.
  const bounded = (length: number): number => {
    if (length > bytes.length - at) throw notCbor('it ends too early');
    return length;
  };
  const readMap = (length: number, depth: number): CborMap => {
    const map: CborMap = new Map();
    for (let count = 0; count < length; count++) {
      const key = read(depth + 1);
      if ((typeof key !== 'number' && typeof key !== 'string') || map.has(key))
        throw notCbor('a key is of another kind, or is there twice');
      map.set(key, read(depth + 1));
    }
    return map;
  };
  const readSimple = (short: number): CborValue => {
    if (short === 20 || short === 21) return short === 21;
    if (short === 22) return null;
    throw notCbor('a value of this kind is not expected');
  };
  try {
    return { value: read(0), end: at };
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw notCbor('a text in it is no UTF-8', cause);
  }
}

function notCbor(why: string, cause?: unknown): CaissonError {
  return new CaissonError('invalid', `this is not CBOR as an authenticator writes it: ${why}`, { cause });
}
