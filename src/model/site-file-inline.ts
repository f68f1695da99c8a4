// A site file may keep longer texts beside it: `{ file: … }` of user data and of image files is replaced by what the file holds.
import type { DocumentPath } from './site-sketch.ts';
import { entriesOf, isRecord } from './plain-record.ts';
import { quote } from './quote.ts';
import { reported } from './site-file-yaml.ts';

/** Reads a file that the site file refers to, relative to it. Undefined when there is none. */
export type ReadReferencedFile = (path: string) => Uint8Array | undefined;

type Report = (path: DocumentPath, message: string) => void;

/** Works in place on the document as read; what cannot be read is reported and taken out. */
export function inlineFiles(document: unknown, readFile: ReadReferencedFile, report: Report): void {
  for (const [name, guest] of entriesOf(document, 'guests')) {
    inlineInto(guest, 'userData', ['guests', name], 'text-only', readFile, report);
  }
  for (const [name, image] of entriesOf(document, 'images')) {
    const files = isRecord(image) ? image['files'] : undefined;
    for (const [path] of entriesOf(image, 'files')) inlineInto(files, path, ['images', name, 'files'], 'any-bytes', readFile, report);
  }
}

function inlineInto(
  parent: unknown,
  key: string,
  parentPath: DocumentPath,
  content: 'text-only' | 'any-bytes',
  readFile: ReadReferencedFile,
  report: Report,
): void {
  const holder = isRecord(parent) ? parent[key] : undefined;
  if (!isRecord(parent) || !isRecord(holder)) return;
  const file = holder['file'];
  // A wrong path, and a file beside another source, are for the schema to refuse.
  if (typeof file !== 'string' || file === '' || file.includes('\0') || 'text' in holder || 'base64' in holder) return;
  const refuse = (message: string) => {
    report([...parentPath, key, 'file'], message);
    parent[key] = reported;
  };
  const bytes = readFile(file);
  if (!bytes) return refuse(`the file ${quote(file)} cannot be read (it is looked for beside the site file)`);
  const text = utf8(bytes);
  if (text === undefined && content === 'text-only') return refuse(`the file ${quote(file)} is not UTF-8 text`);
  const { file: _, ...rest } = holder;
  parent[key] = text === undefined ? { ...rest, base64: Buffer.from(bytes).toString('base64') } : { ...rest, text };
}

/** Undefined for what is not text, or would not come back from YAML as it is. */
function utf8(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
