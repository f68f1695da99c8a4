// JSON that is bytes already: each guest's are kept until it changes, so a list of them is neither rendered nor encoded again.

const comma = Buffer.from(',');

/** The JSON of a `T`. Whoever makes one vouches that the bytes are what `JSON.stringify` of a `T` would give. */
export class PreparedJson<T> {
  readonly bytes: Buffer;
  /** Only for the type; never set. */
  declare readonly shape?: T;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** `{"items":[…]}` of items that are JSON each, of whatever type the caller vouches for. */
  static list(items: readonly Buffer[]): PreparedJson<{ items: never[] }> {
    const parts = items.flatMap((item, index) => (index === 0 ? [item] : [comma, item]));
    return new PreparedJson(Buffer.concat([Buffer.from('{"items":['), ...parts, Buffer.from(']}')]));
  }
}
