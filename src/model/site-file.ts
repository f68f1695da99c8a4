// The site file: text → site, or every problem of the file at once, each with line, column, what was expected and, where close, what was
// probably meant. Reading a site file touches nothing; files that it refers to are read by the given function.
import { checkSite } from './check-site.ts';
import type { DocumentPath, SiteSketch } from './site-sketch.ts';
import { clip, printable } from './quote.ts';
import { readDocument } from './read-document.ts';
import { inlineFiles, type ReadReferencedFile } from './site-file-inline.ts';
import { refuseUnsupported } from './site-file-unsupported.ts';
import { readYaml, type YamlPlace } from './site-file-yaml.ts';
import { wordsOfIssue } from './site-file-words.ts';
import { type Site, siteFileSchema } from './site.ts';

export interface SiteFileProblem {
  /** 1-based. */
  line: number;
  column: number;
  message: string;
}

export type SiteFileResult = { site: Site } | { problems: SiteFileProblem[] };

const maxBytes = 4 * 1024 * 1024;
const maxProblems = 100;
const longestMessage = 600;

/** A text, or the bytes of the file (then what is not UTF-8 is refused at its place). Never throws but for what `readFile` throws. */
export function parseSiteFile(file: string | Uint8Array, readFile: ReadReferencedFile): SiteFileResult {
  const decoded = decode(file);
  if ('problems' in decoded) return decoded;
  const reading = readYaml(decoded.text);
  if (reading.value === undefined) return inOrder(reading.problems.map(({ offset, message }) => ({ ...reading.locate(offset), message })));

  const problems: SiteFileProblem[] = reading.problems.map(({ offset, message }) => ({ ...reading.locate(offset), message }));
  const report = (path: DocumentPath, side: 'key' | 'value', message: string) => {
    problems.push({ ...reading.locate(offsetOf(reading.root, path, side)), message });
  };
  inlineFiles(reading.value, readFile, (path, message) => report(path, 'value', message));
  refuseUnsupported(reading.value, report);

  const parsed = siteFileSchema.safeParse(reading.value, { error: wordsOfIssue });
  if (parsed.success && problems.length === 0) {
    for (const problem of checkSite(parsed.data)) report(problem.path, 'value', problem.message);
    return problems.length === 0 ? { site: parsed.data } : inOrder(problems);
  }
  const read = readDocument(siteFileSchema, reading.value, {
    sourceOf: (path) => placeOf(reading.root, path)?.source,
    mostProblems: maxProblems,
  });
  for (const problem of read.problems) report(problem.path, problem.side, problem.message);
  if (read.complete && read.value !== null) {
    for (const problem of checkSite(read.value as SiteSketch)) report(problem.path, 'value', problem.message);
  }
  return inOrder(problems);
}

/** `file.yaml:3:7: message`, one a line. */
export function formatProblems(file: string, problems: readonly SiteFileProblem[]): string {
  return problems.map((problem) => `${file}:${problem.line}:${problem.column}: ${problem.message}`).join('\n');
}

function decode(file: string | Uint8Array): { text: string } | { problems: SiteFileProblem[] } {
  const bytes = typeof file === 'string' ? Buffer.byteLength(file) : file.byteLength;
  if (bytes > maxBytes) return only(1, 1, `the file has more than ${maxBytes / 1024 / 1024} MiB, which no site needs`);
  let text: string;
  if (typeof file === 'string') text = file;
  else {
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(file);
    } catch {
      // The replacement of the first wrong byte stands where that byte is, unless the text has one of its own before.
      const lossy = new TextDecoder('utf-8', { ignoreBOM: true }).decode(file);
      return notText(lossy, lossy.indexOf('\ufffd'), 'the file is not UTF-8 text');
    }
  }
  if (text.startsWith('\ufeff')) text = text.slice(1);
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.exec(text);
  if (control) return notText(text, control.index, `the file is not text: it has the control character ${printable(control[0])}`);
  return { text };
}

function notText(text: string, index: number, message: string): { problems: SiteFileProblem[] } {
  const before = text.slice(0, index).split('\n');
  return only(before.length, (before.at(-1)?.length ?? 0) + 1, message);
}

function only(line: number, column: number, message: string): { problems: SiteFileProblem[] } {
  return { problems: [{ line, column, message }] };
}

function inOrder(problems: SiteFileProblem[]): { problems: SiteFileProblem[] } {
  return {
    problems: problems
      .toSorted((a, b) => a.line - b.line || a.column - b.column)
      .slice(0, maxProblems)
      .map((problem) => ({ ...problem, message: clip(problem.message, longestMessage) })),
  };
}

function placeOf(root: YamlPlace, path: DocumentPath): YamlPlace | undefined {
  return path.reduce<YamlPlace | undefined>((place, step) => place?.children?.get(String(step)), root);
}

/** A guest's one nic may be written as fields of the guest. */
function asWritten(root: YamlPlace, path: DocumentPath): DocumentPath {
  const [top, name, field, , ...rest] = path;
  if (top !== 'guests' || name === undefined || field !== 'nics') return path;
  return placeOf(root, [top, name, field]) ? path : [top, name, ...rest];
}

/** Where the deepest part of a path that is in the text stands. */
function offsetOf(root: YamlPlace, path: DocumentPath, side: 'key' | 'value'): number {
  let place = root;
  for (const step of asWritten(root, path)) {
    const next = place.children?.get(String(step));
    if (!next) return place.value;
    place = next;
  }
  return side === 'key' ? place.key : place.value;
}
