// JSON that is text already: the store keeps rows as text, so a list of them needs no parsing and no rendering.

/** The JSON text of a `T`. Whoever makes one vouches that the text is what `JSON.stringify` of a `T` would give. */
export class PreparedJson<T> {
  readonly text: string;
  /** Only for the type; never set. */
  declare readonly shape?: T;

  constructor(text: string) {
    this.text = text;
  }
}
