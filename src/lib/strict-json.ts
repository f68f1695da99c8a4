// JSON in which every object has each of its keys once. The runtime's parser takes the last of two silently: whoever looked at the first, be it a
// person or another program in between, has looked at something else than what is done.

/** The value. Throws SyntaxError for what is no JSON, or has a key twice. */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  const twice = findDuplicateKey(text);
  if (twice !== undefined) throw new SyntaxError(`the field ${JSON.stringify(twice.slice(0, 100))} stands twice in one object`);
  return value;
}

interface Frame {
  /** Undefined in a list. */
  keys: Set<string> | undefined;
  /** A key comes next, not a value. */
  atKey: boolean;
}

/** In a text that is JSON. Keys are compared as they are meant: `"a"` is `"\u0061"`. */
function findDuplicateKey(text: string): string | undefined {
  const frames: Frame[] = [];
  let top: Frame | undefined;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
      case '[':
        top = text[at] === '{' ? { keys: new Set(), atKey: true } : { keys: undefined, atKey: false };
        frames.push(top);
        break;
      case '}':
      case ']':
        frames.pop();
        top = frames.at(-1);
        break;
      case ',':
        if (top?.keys) top.atKey = true;
        break;
      case '"': {
        const end = endOfString(text, at);
        if (top?.keys && top.atKey) {
          const key = JSON.parse(text.slice(at, end + 1)) as string;
          if (top.keys.has(key)) return key;
          top.keys.add(key);
          top.atKey = false;
        }
        at = end;
        break;
      }
    }
  }
  return undefined;
}

/** Where the quotation mark is that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ;) {
    const end = text.indexOf('"', at);
    let escapes = 0;
    while (text[end - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return end;
    at = end + 1;
  }
}
