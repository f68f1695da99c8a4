// `caisson audit`: asks the daemon for the five rules, and tells them in a language and a form.
import type { Command } from 'commander';
import { Option } from 'commander';
import { writeFile } from 'node:fs/promises';
import { CaissonError } from '../../lib/errors.ts';
import type { Audit } from '../../model/audit.ts';
import type { Language } from '../../model/audit-words/words.ts';
import { withConnection } from '../command.ts';
import { type Connection, connected, type ConnectionOptions } from '../connection.ts';
import { Ended } from '../failure.ts';
import { followJob } from '../follow-job.ts';
import type { Io } from '../io.ts';
import { formats, renderValue } from '../output.ts';
import { painter, plain } from '../style.ts';

const auditFormats = [...formats, 'markdown', 'html'] as const;

interface AuditOptions extends ConnectionOptions {
  format: (typeof auditFormats)[number];
  language: Language;
  out?: string;
  check?: boolean;
}

/** Looking into every guest takes a moment, and longer where an agent does not answer. */
const timeoutMs = 120_000;

const notes = `
It changes nothing. What listens in a guest is asked of its agent; how a guest's process is cut off, of the kernel.
Exit codes: 0 every rule could be shown and none is broken; 1 one is broken, or could not be shown; 2 wrong command.`;

export function addAudit(audit: Command, io: Io): void {
  withConnection(audit)
    .addOption(new Option('-o, --format <format>', 'how to tell it').choices(auditFormats).default('table'))
    .addOption(new Option('--language <language>', 'of table, markdown and html').choices(['en', 'fr']).default('en'))
    .option('--out <file>', 'write it into a file instead of standard output')
    .option('--check', 'check the filtering first, as “zone check” does')
    .addHelpText('after', notes)
    .action((options: AuditOptions) => tell(io, options));
}

async function tell(io: Io, options: AuditOptions): Promise<void> {
  const audit = await connected(io, options, (connection) => ask(io, connection, options.check ?? false), { timeoutMs });
  const text = await render(io, audit, options);
  if (options.out === undefined) io.stdout.write(text);
  else await write(options.out, text);
  if (audit.verdict === 'broken' || audit.verdict === 'unknown') throw new Ended(1);
}

async function ask(io: Io, connection: Connection, check: boolean): Promise<Audit> {
  // How the check ended is a part of what the audit tells.
  if (check) await followJob(io, connection, await connection.client.call('zoneCheck', { body: {} }), { wait: true });
  return connection.client.call('auditShow');
}

async function render(io: Io, audit: Audit, { format, language, out }: AuditOptions): Promise<string> {
  if (format === 'json' || format === 'yaml') return renderValue(audit, format);
  const [{ createDocument }, words] = await Promise.all([import('../../model/audit-words/document.ts'), readWords(language)]);
  const document = createDocument(audit, words);
  if (format === 'html') return (await import('../audit/render-html.ts')).renderHtml(document);
  if (format === 'markdown') return (await import('../audit/render-markdown.ts')).renderMarkdown(document);
  const { renderText } = await import('../audit/render-text.ts');
  if (out !== undefined) return renderText(document, { width: undefined, paint: plain });
  return renderText(document, { width: io.stdout.columns, paint: painter(io.stdout, io.env) });
}

async function readWords(language: Language) {
  if (language === 'fr') return (await import('../../model/audit-words/french.ts')).french;
  return (await import('../../model/audit-words/english.ts')).english;
}

async function write(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { mode: 0o640 });
  } catch (cause) {
    throw new CaissonError('failed', `the audit cannot be written to ${path}`, { cause });
  }
}
