// The list of files of an image and its digest: what "the same recipe gives the same image" is measured by. Pure.
import { createHash } from 'node:crypto';
import { CaissonError } from '../../lib/errors.ts';

/**
 * Joins what the finish script listed: `entries` are NUL-ended `path TAB type TAB mode TAB uid:gid TAB size TAB link target`,
 * `digests` NUL-ended `sha256 SPACE SPACE path`. One line for each file: path (JSON), type, mode, owner, size, content. The size
 * of a folder says how a file system stores it, not what is in it, and is left out.
 */
export function renderManifest(entries: string, digests: string): string[] {
  const contents = new Map(
    split(digests).map((line) => {
      const match = /^\\?([0-9a-f]{64}) [ *]([^]*)$/.exec(line);
      if (!match) throw new CaissonError('internal', `not a line of sha256sum: ${JSON.stringify(line)}`);
      return [match[2] ?? '', match[1] ?? ''] as const;
    }),
  );
  return split(entries)
    .map((line) => {
      const fields = line.split('\t');
      if (fields.length < 6) throw new CaissonError('internal', `not a line of find: ${JSON.stringify(line)}`);
      // A path may hold tabs, a link target too: the four fields between are found from the first that looks like a type.
      const at = fields.findIndex((field, index) => index > 0 && /^[a-zDU]$/.test(field) && /^[0-7]{1,4}$/.test(fields[index + 1] ?? ''));
      const path = fields.slice(0, at).join('\t');
      const [type = '', mode = '', owner = '', size = '', ...link] = fields.slice(at);
      const content = type === 'f' ? `${size} ${contents.get(path) ?? 'unreadable'}` : type === 'l' ? JSON.stringify(link.join('\t')) : '-';
      return `${JSON.stringify(path)} ${type} ${mode} ${owner} ${content}`;
    })
    .toSorted((a, b) => (a < b ? -1 : 1));
}

export function digestManifest(lines: readonly string[]): string {
  return createHash('sha256')
    .update(lines.map((line) => `${line}\n`).join(''))
    .digest('hex');
}

function split(text: string): string[] {
  return text.split('\0').filter((line) => line !== '');
}
