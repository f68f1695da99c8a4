// What a TLS client asks for before anything is answered: the server’s name and the protocols it speaks. Pure; every length is looked at before it is
// believed.
export interface ClientHello {
  /** SNI, in lower case. */
  name: string | undefined;
  /** ALPN, as they stand there. */
  protocols: string[];
}

/** Of one that is longer nothing is read: browsers need some hundred bytes, with keys that no quantum computer breaks two thousand. */
export const mostHelloBytes = 16 * 1024;

/** That it may be cut into: nobody does so but to tire whoever reads. */
const mostRecords = 4;
const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const alpnExtension = 16;

/** `more`: it is not all there yet; undefined: it is none, or larger than is read. */
export function parseClientHello(bytes: Buffer): ClientHello | 'more' | undefined {
  const message = handshakeOf(bytes);
  if (message === 'more') return bytes.length < mostHelloBytes ? 'more' : undefined;
  try {
    return message && readHello(new Reader(message));
  } catch (error) {
    if (error instanceof TooShort) return undefined;
    throw error;
  }
}

/** The first message, put together from its records. */
function handshakeOf(bytes: Buffer): Buffer | 'more' | undefined {
  let message: Buffer = Buffer.alloc(0);
  for (let at = 0, records = 1; records <= mostRecords; records++) {
    if (at < bytes.length && bytes[at] !== handshakeRecord) return undefined;
    if (at + 5 > bytes.length) return 'more';
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    message = Buffer.concat([message, bytes.subarray(at + 5, end)]);
    if (message.length >= 4) {
      const wanted = 4 + message.readUIntBE(1, 3);
      if (message[0] !== clientHello || wanted > mostHelloBytes) return undefined;
      if (message.length >= wanted) return message.subarray(4, wanted);
    }
    if (end > bytes.length) return 'more';
    at = end;
  }
  return undefined;
}

function readHello(reader: Reader): ClientHello {
  const found: ClientHello = { name: undefined, protocols: [] };
  reader.take(2 + 32); // version, random
  reader.take(reader.number(1)); // session
  reader.take(reader.number(2)); // cipher suites
  reader.take(reader.number(1)); // compression
  if (reader.isAtEnd) return found;
  const extensions = new Reader(reader.take(reader.number(2)));
  while (!extensions.isAtEnd) {
    const type = extensions.number(2);
    const content = new Reader(extensions.take(extensions.number(2)));
    if (type === serverNameExtension) found.name = readName(content);
    else if (type === alpnExtension) found.protocols = readProtocols(content);
  }
  return found;
}

function readName(content: Reader): string | undefined {
  const names = new Reader(content.take(content.number(2)));
  const isHostName = names.number(1) === 0;
  const name = names.take(names.number(2)).toString('latin1').toLowerCase();
  return isHostName && names.isAtEnd ? name : undefined;
}

function readProtocols(content: Reader): string[] {
  const list = new Reader(content.take(content.number(2)));
  const protocols: string[] = [];
  while (!list.isAtEnd) protocols.push(list.take(list.number(1)).toString('latin1'));
  return protocols;
}

class TooShort extends Error {}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(count: number): Buffer {
    if (this.#at + count > this.#bytes.length) throw new TooShort();
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  number(bytes: number): number {
    return this.take(bytes).readUIntBE(0, bytes);
  }
}
