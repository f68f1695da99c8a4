// YAML text → plain values with the place of each. Only the plain part of YAML is a site file: no anchors, aliases, merge keys, tags, second
// documents, and no key twice. Each of these is a problem at its place; what stands beside it is read on. Bounded in time and depth
// whatever the text is, and no key reaches the prototype of an object.
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  Parser,
  type CST,
  type Document,
  type ParsedNode,
  type YAMLError,
  YAMLParseError,
} from 'yaml';
import { unusableKeys } from './name.ts';
import { clip, quote } from './quote.ts';

/** Where something stands, as offsets into the text. */
export interface YamlPlace {
  /** Its key where it has one. */
  key: number;
  value: number;
  /** A scalar as it is written. */
  source?: string;
  children?: Map<string, YamlPlace>;
}

/** Stands where a value was refused already, so that nobody says something about it again. */
export const reported = Symbol('reported');

export interface YamlProblem {
  offset: number;
  message: string;
}

export interface YamlReading {
  /** Maps are objects, `reported` stands for what was refused; undefined when the text is not YAML at all. */
  value: unknown;
  root: YamlPlace;
  problems: YamlProblem[];
  /** 1-based line and column of an offset. */
  locate(offset: number): { line: number; column: number };
}

const deepest = 64;
const mostSyntaxErrors = 20;
const mostTokensInError = 20;
/** Bounds the time: reading takes a few microseconds for each. A guest has about 200. */
const mostParts = 400_000;

export function readYaml(text: string): YamlReading {
  const locate = locator(text);
  const unreadable = (problems: YamlProblem[]): YamlReading => ({ value: undefined, root: { key: 0, value: 0 }, problems, locate });

  const lexed = tokenize(text);
  if ('offset' in lexed) return unreadable([lexed]);
  const { documents, errors } = compose(lexed.tokens, text.length);
  if (errors.length > 0) return unreadable(syntaxProblems(errors, locate));
  const [document, second] = documents;
  if (second) return unreadable([{ offset: second.range[0], message: 'a second YAML document begins here: a site file is one document' }]);
  const contents = document?.contents;
  if (!contents || (isScalar(contents) && contents.value === null)) {
    return unreadable([{ offset: 0, message: 'the file is empty: a site file is a map that begins with “version: 1”' }]);
  }
  const problems: YamlProblem[] = [];
  const { value, place } = convert(contents, { key: 0, value: 0 }, problems);
  return { value, root: place, problems, locate };
}

/** Line and column of an offset, both from 1. */
function locator(text: string): YamlReading['locate'] {
  const starts = [0];
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return (offset) => {
    const at = Math.min(offset, text.length);
    let low = 0;
    for (let high = starts.length; high - low > 1;) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= at) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: at - (starts[low] ?? 0) + 1 };
  };
}

/** The tokens of the text, or a problem as soon as there is no sense in reading on. */
function tokenize(text: string): { tokens: CST.Token[] } | YamlProblem {
  const parser = new Parser();
  const tokens: CST.Token[] = [];
  let wrong = 0;
  let parts = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (++parts > mostParts)
      return {
        offset: parser.offset,
        message: `the file has more than ${mostParts.toLocaleString('en')} words and signs, which no site needs`,
      };
    for (const token of parser.next(lexeme)) {
      tokens.push(token);
      if (token.type === 'error' && ++wrong > mostTokensInError)
        return { offset: token.offset, message: 'this is not YAML, and neither is much of what stands before' };
    }
    if (parser.stack.length > deepest)
      return { offset: parser.offset, message: `this is nested more than ${deepest} levels deep, which no site file is` };
  }
  tokens.push(...parser.end());
  return { tokens };
}

/** The documents of the tokens, or their first errors: a hundred thousand of them would take seconds. */
function compose(tokens: CST.Token[], length: number): { documents: Document.Parsed[]; errors: YAMLError[] } {
  const composer = new Composer({ uniqueKeys: false, merge: false, version: '1.2', stringKeys: true, keepSourceTokens: false });
  const errors: YAMLError[] = [];
  const hooks = composer as unknown as { onError: (source: unknown, code: YAMLError['code'], message: string, warning?: boolean) => void };
  const enough = new Error('enough');
  hooks.onError = (source, code, message, warning) => {
    if (warning) return;
    const start = typeof source === 'number' ? source : Array.isArray(source) ? Number(source[0]) : (source as { offset: number }).offset;
    errors.push(new YAMLParseError([start, start + 1], code, message));
    if (errors.length >= mostSyntaxErrors * 5) throw enough;
  };
  try {
    const documents = [...composer.compose(tokens, true, length)] as Document.Parsed[];
    return { documents, errors: [...errors, ...documents.flatMap((document) => document.errors)] };
  } catch (error) {
    if (errors.length === 0) throw error;
    return { documents: [], errors };
  }
}

/** One problem a line at most: what follows on the same line is nearly always a consequence of the first. */
function syntaxProblems(errors: YAMLError[], locate: (offset: number) => { line: number }): YamlProblem[] {
  const seen = new Set<number>();
  const problems: YamlProblem[] = [];
  for (const error of errors.toSorted((a, b) => a.pos[0] - b.pos[0])) {
    const { line } = locate(error.pos[0]);
    if (seen.has(line)) continue;
    seen.add(line);
    problems.push({ offset: error.pos[0], message: syntaxMessage(error) });
    if (problems.length === mostSyntaxErrors) break;
  }
  return problems;
}

function syntaxMessage(error: YAMLError): string {
  if (error.message.startsWith('Block scalar header'))
    return 'after “|” or “>” the line ends, and the text begins on the next one; a text that begins with them stands in quotes';
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return 'a tab cannot indent in YAML: use spaces';
    case 'BAD_INDENT':
      if (error.message.startsWith('Flow')) return 'a bracket is not closed before here, or what is in it is not indented';
      return 'the indentation is wrong: fields of one map, and entries of one list, begin in the same column';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second “: ” in one line: put the text in quotes, or the inner map on lines of its own';
    case 'MULTILINE_IMPLICIT_KEY':
      return 'a key stands on one line and ends with “:” (is a colon missing, or a quotation mark not closed?)';
    case 'KEY_OVER_1024_CHARS':
      return 'a key is longer than 1,024 characters (is a quotation mark not closed?)';
    case 'BAD_DQ_ESCAPE':
      return 'this backslash means nothing between double quotes: use single quotes, or write \\\\';
    case 'NON_STRING_KEY':
      return 'a key is a text, not a list or a map';
    case 'RESOURCE_EXHAUSTION':
      return 'this is nested too deeply';
    case 'BAD_ALIAS':
    case 'ALIAS_PROPS':
    case 'MULTIPLE_ANCHORS':
      return 'anchors (&name) and aliases (*name) are not allowed in a site file: write the value out';
    default: {
      const said = error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
      const written = /^Unexpected [\w-]+ token in YAML \w+: (".*")$/.exec(said)?.[1];
      if (written !== undefined) return misplaced(JSON.parse(written) as string);
      if (/^Unexpected [\w-]+ at node end$/.test(said)) return 'this has no place here: what stands before it is a whole already';
      if (said === 'Unexpected block-seq-ind on same line with key') return 'a list with “-” begins on the line below its key';
      const detail = clip(said, 160);
      const told = `${detail.charAt(0).toLowerCase()}${detail.slice(1)}`;
      // What somebody wrote himself stands between quotes.
      return `this is not YAML: ${told.replace(/(?<=^(?:not a YAML token|unresolved tag): ).+$/, quote)}`;
    }
  }
}

function misplaced(written: string): string {
  return /^[}\]]$/.test(written)
    ? `${quote(written)} closes nothing: no bracket is open here`
    : `${quote(written)} has no place here: what stands before it is a whole already`;
}

function convert(node: ParsedNode | null, place: YamlPlace, problems: YamlProblem[]): { value: unknown; place: YamlPlace } {
  if (isAlias(node)) {
    problems.push({
      offset: node.range[0],
      message: `aliases are not allowed in a site file: write out what ${quote(`*${node.source}`)} stands for`,
    });
    return { value: reported, place };
  }
  if (node?.anchor !== undefined)
    problems.push({ offset: node.range[0], message: `anchors are not allowed in a site file: leave out ${quote(`&${node.anchor}`)}` });
  if (node?.tag !== undefined) {
    problems.push({ offset: node.range[0], message: `tags are not allowed in a site file: leave out ${quote(shortTag(node.tag))}` });
    return { value: reported, place };
  }
  if (isMap(node)) return { value: convertMap(node, place, problems), place };
  if (isSeq(node)) {
    place.children = new Map();
    const value = node.items.map((item, index) => {
      const offset = item.range[0];
      const child: YamlPlace = { key: offset, value: offset };
      place.children?.set(String(index), child);
      return convert(item, child, problems).value;
    });
    return { value, place };
  }
  if (isScalar(node)) {
    if (node.source !== undefined) place.source = node.source;
    return { value: node.value, place };
  }
  return { value: null, place };
}

function convertMap(
  node: ParsedNode & { items: { key: unknown; value: unknown }[] },
  place: YamlPlace,
  problems: YamlProblem[],
): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const children = new Map<string, YamlPlace>();
  place.children = children;
  for (const item of node.items) {
    const keyNode = item.key as ParsedNode;
    const key = isScalar(keyNode) ? String(keyNode.value) : '';
    const offset = keyNode.range[0];
    const valueNode = item.value as ParsedNode | null;
    // What is not there has no place of its own: its key stands for it.
    const isEmpty = valueNode === null || (isScalar(valueNode) && valueNode.range[0] === valueNode.range[1]);
    const child: YamlPlace = { key: offset, value: isEmpty ? offset : valueNode.range[0] };
    const refusal = keyRefusal(keyNode, key, children);
    if (refusal) {
      problems.push({ offset, message: refusal });
      convert(valueNode, child, problems);
      continue;
    }
    children.set(key, child);
    value[key] = convert(valueNode, child, problems).value;
  }
  return value;
}

function keyRefusal(node: ParsedNode, key: string, children: Map<string, YamlPlace>): string | undefined {
  if (isAlias(node)) return `aliases are not allowed in a site file: write out what ${quote(`*${node.source}`)} stands for`;
  if (key === '<<') return 'merge keys (<<) are not allowed in a site file: write the fields out';
  if ((unusableKeys as readonly string[]).includes(key)) return `${quote(key)} cannot be a key in a site file`;
  if (node.anchor !== undefined) return `anchors are not allowed in a site file: leave out ${quote(`&${node.anchor}`)}`;
  if (children.has(key)) return `${quote(key)} stands twice in this map`;
  return undefined;
}

function shortTag(tag: string): string {
  return tag.replace(/^tag:yaml\.org,2002:/, '!!');
}
