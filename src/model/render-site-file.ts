// A site → canonical YAML, as a person would write it. `parseSiteFile` reads an equal site back, whatever the texts in it hold. A file of its
// own: what writes YAML is a large library, and the daemon does without it.
import { Document, isCollection, isMap, isPair, isScalar, isSeq, visit } from 'yaml';
import { siteDocument } from './site-document.ts';
import type { Site } from './site.ts';

/** A map or list is written on one line up to this many characters. */
const oneLine = 100;

export function renderSiteFile(site: Site): string {
  const document = new Document(siteDocument(site), { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_key, node) {
      // yaml 2.9 loses blanks of such a line in a block scalar.
      if (typeof node.value === 'string' && /^\s|(^|\n)[ \t]+(\n|$)/.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
    Collection(_key, node, path) {
      // Guests and images have a line for each field; zones and flows, and whatever is small, have one for all.
      const top = path.find((step) => isPair(step))?.key;
      const isLong = isScalar(top) && (top.value === 'guests' || top.value === 'images');
      const depth = path.filter(isCollection).length;
      if (depth >= (isLong ? 3 : 2) && node.items.length > 0 && isShort(node)) node.flow = true;
    },
  });
  return document.toString({ lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER });
}

/** Whether a collection fits on one line and a person would write it so. */
function isShort(node: unknown): boolean {
  let length = 0;
  const measure = (value: unknown, depth: number): boolean => {
    if (depth > 3) return false;
    if (isScalar(value)) {
      const text = String(value.value);
      length += text.length + 2;
      return !text.includes('\n') && length <= oneLine;
    }
    if (isMap(value)) return value.items.every((pair) => measure(pair.key, depth + 1) && measure(pair.value, depth + 1));
    if (isSeq(value)) return value.items.every((item) => measure(item, depth + 1));
    return true;
  };
  return measure(node, 0);
}
