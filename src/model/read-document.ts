// Reads a document along its schema when the schema has refused it: collects everything that is wrong, each at its place, and keeps what
// is sound. Where something is wrong the result has `null`, so that later checks know “there, but not known” from “not there”.
import { didYouMean } from './did-you-mean.ts';
import { isRecord } from './plain-record.ts';
import { quote } from './quote.ts';
import { type Schema, shapeOf, takesKind } from './schema-shape.ts';
import type { DocumentPath } from './site-sketch.ts';
import { describePath, describeValue, wordsOfIssue } from './site-file-words.ts';
import { reported } from './site-file-yaml.ts';

export interface DocumentProblem {
  path: DocumentPath;
  /** Whether the key is wrong, or the value. */
  side: 'key' | 'value';
  message: string;
}

export interface ReadOptions {
  /** How a scalar is written in the text: `0644` where the value is 644. */
  sourceOf: (path: DocumentPath) => string | undefined;
  mostProblems: number;
}

/** Undefined problems beyond `mostProblems`: then the value is not complete either. */
export function readDocument(
  schema: Schema,
  value: unknown,
  options: ReadOptions,
): { value: unknown; problems: DocumentProblem[]; complete: boolean } {
  const reader = new Reader(options);
  const read = reader.read(schema, value, []);
  return { value: read.value, problems: reader.problems, complete: reader.problems.length < options.mostProblems };
}

interface Read {
  value: unknown;
  /** Nothing wrong in it or below it, and nothing that was refused before. */
  clean: boolean;
}

/** Refusals that speak of a map or list as a whole, not of what is in it. */
const ofWhole = new Set(['custom', 'too_big', 'too_small']);

const broken: Read = { value: null, clean: false };

class Reader {
  readonly problems: DocumentProblem[] = [];
  readonly #options: ReadOptions;

  constructor(options: ReadOptions) {
    this.#options = options;
  }

  read(schema: Schema, value: unknown, path: DocumentPath): Read {
    if (value === reported || this.problems.length >= this.#options.mostProblems) return broken;
    const result = schema.safeParse(value, { error: wordsOfIssue });
    if (result.success) return { value: result.data, clean: true };
    const shape = shapeOf(schema);
    let inside: Read | undefined;
    if (shape.kind === 'fields' && isRecord(value)) inside = this.#readFields(shape.fields, value, path);
    else if (shape.kind === 'entries' && isRecord(value)) inside = this.#readEntries(shape.key, shape.value, value, path);
    else if (shape.kind === 'list' && Array.isArray(value)) inside = this.#readList(shape.element, value, path);
    else if (shape.kind === 'union') {
      const option = chooseOption(shape.options, value);
      if (option) return this.read(option, value, path);
    }
    // Where every part is right, the whole is wrong, or it has no parts. Where a part is wrong, there may be too few or too many as well.
    if (inside && !inside.clean && shape.kind === 'fields') return inside;
    const issues =
      inside && !inside.clean
        ? result.error.issues.filter((issue) => issue.path.length === 0 && ofWhole.has(issue.code))
        : result.error.issues;
    for (const message of new Set(issues.map((issue) => this.#wordsFor(issue, value, path)))) this.#refuse(path, 'value', message);
    return shape.kind === 'fields' ? broken : { value: inside?.value ?? null, clean: false };
  }

  #readFields(fields: Record<string, Schema>, value: Record<string, unknown>, path: DocumentPath): Read {
    let clean = true;
    const unknown = Object.keys(value).filter((key) => !Object.hasOwn(fields, key));
    const absent = Object.keys(fields).filter((key) => !Object.hasOwn(value, key));
    for (const key of unknown) {
      const hint = didYouMean(key, absent) || didYouMean(key, Object.keys(fields));
      this.#refuse(
        [...path, key],
        'key',
        `${describePath(path)} has no field ${quote(key)}${hint || ` (its fields are ${Object.keys(fields).join(', ')})`}`,
      );
      clean = false;
    }
    const sound: Record<string, unknown> = {};
    for (const [key, schema] of Object.entries(fields)) {
      if (Object.hasOwn(value, key)) {
        const read = this.read(schema, value[key], [...path, key]);
        sound[key] = read.value;
        clean &&= read.clean;
        continue;
      }
      const result = schema.safeParse(undefined, { error: wordsOfIssue });
      // One of the unknown fields may have been meant, so what is absent is not known.
      sound[key] = result.success && unknown.length === 0 ? result.data : null;
      if (result.success || unknown.some((word) => didYouMean(word, [key]) !== '')) continue;
      const what = (result.error.issues[0]?.message ?? '').replace(/,? is expected$/, '');
      this.#refuse(path, 'key', `${describePath(path)} needs a field ${quote(key)}${what ? `: ${what}` : ''}`);
      clean = false;
    }
    return { value: sound, clean };
  }

  #readEntries(keySchema: Schema, schema: Schema, value: Record<string, unknown>, path: DocumentPath): Read {
    let clean = true;
    const sound: Record<string, unknown> = {};
    for (const [key, entry] of Object.entries(value)) {
      const result = keySchema.safeParse(key, { error: wordsOfIssue });
      if (!result.success) {
        const message = result.error.issues[0]?.message ?? '';
        this.#refuse(
          [...path, key],
          'key',
          message.startsWith('“') ? message : `${quote(key)} cannot be a name in ${describePath(path)}: ${message}`,
        );
        clean = false;
      }
      const read = this.read(schema, entry, [...path, key]);
      sound[key] = read.value;
      clean &&= read.clean;
    }
    return { value: sound, clean };
  }

  #readList(element: Schema, value: unknown[], path: DocumentPath): Read {
    const reads = value.map((item, index) => this.read(element, item, [...path, index]));
    return { value: reads.map((read) => read.value), clean: reads.every((read) => read.clean) };
  }

  #wordsFor(issue: { code: string; message: string; values?: unknown[] }, value: unknown, path: DocumentPath): string {
    const source = this.#options.sourceOf(path);
    const where = describePath(path);
    switch (issue.code) {
      case 'invalid_type':
      case 'invalid_union': {
        const quotes = issue.message.startsWith('a text') && isPlainScalar(value) ? `; put it in quotes` : '';
        return `${where}: ${issue.message}, not ${describeValue(value, source)}${quotes}`;
      }
      case 'invalid_value': {
        const values = (issue.values ?? []).map(String);
        if (values.length < 2) return `${where}: ${issue.message}, not ${describeValue(value, source)}`;
        return `${where}: ${describeValue(value, source)} is not one of ${values.join(', ')}${typeof value === 'string' ? didYouMean(value, values) : ''}`;
      }
      case 'invalid_format':
        return `${where} cannot be ${describeValue(value, source)}: ${issue.message}`;
      case 'too_big':
      case 'too_small':
        return `${where}: ${issue.message}${isPlainScalar(value) || (typeof value === 'string' && value !== '') ? `, not ${describeValue(value, source)}` : ''}`;
      default:
        return `${where}: ${issue.message}`;
    }
  }

  #refuse(path: DocumentPath, side: 'key' | 'value', message: string): void {
    if (this.problems.length < this.#options.mostProblems) this.problems.push({ path, side, message });
  }
}

function isPlainScalar(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

/** The alternative that was probably meant: of those for this kind of value the one with most of the fields that are written. */
function chooseOption(options: Schema[], value: unknown): Schema | undefined {
  const fitting = options.filter((option) => takesKind(option, value));
  if (fitting.length < 2 || !isRecord(value)) return fitting.length === 1 ? fitting[0] : undefined;
  const scored = fitting.map((option) => {
    const shape = shapeOf(option);
    return { option, known: shape.kind === 'fields' ? Object.keys(value).filter((key) => Object.hasOwn(shape.fields, key)).length : 0 };
  });
  const best = scored.toSorted((a, b) => b.known - a.known)[0];
  return best && best.known > 0 ? best.option : undefined;
}
