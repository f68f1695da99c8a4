// A row as it was read. The JSON text is kept as stored, so that the API can send a list without parsing a single row.

export class StoreRow {
  readonly key: string;
  readonly revision: number;
  readonly json: string;
  #value: unknown;

  constructor(key: string, revision: number, json: string) {
    this.key = key;
    this.revision = revision;
    this.json = json;
  }

  /** The parsed JSON, parsed when first asked for; the reader's own copy. Its shape is for the reader to check. */
  get value(): unknown {
    this.#value ??= JSON.parse(this.json) as unknown;
    return this.#value;
  }
}
