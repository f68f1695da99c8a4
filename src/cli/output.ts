// What a command prints: JSON, YAML, or a table that fits the terminal. Data goes to standard output, everything else to standard error.

export const formats = ['table', 'json', 'yaml'] as const;
export type Format = (typeof formats)[number];

export interface Column<T> {
  title: string;
  text: (item: T) => string;
  /** Numbers stand to the right. */
  right?: boolean;
  /** Gives way first when the terminal is narrow. */
  shrink?: boolean;
}

export async function printValue(value: unknown, format: Exclude<Format, 'table'>): Promise<void> {
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    return;
  }
  const { stringify } = await import('yaml'); // only for those who want it: loading it takes a while
  process.stdout.write(stringify(value, { aliasDuplicateObjects: false }));
}

export async function printList<T>(items: readonly T[], format: Format, columns: readonly Column<T>[]): Promise<void> {
  if (format === 'table') process.stdout.write(renderTable(items, columns, process.stdout.columns));
  else await printValue({ items }, format);
}

/** Field names and values, one a line. */
export function printFields(fields: readonly (readonly [string, string | undefined])[]): void {
  const shown = fields.filter((field): field is readonly [string, string] => field[1] !== undefined && field[1] !== '');
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  for (const [name, value] of shown)
    process.stdout.write(`${name.padEnd(width)}  ${harmless(value).replaceAll('\n', `\n${' '.repeat(width + 2)}`)}\n`);
}

/** A table as text; `width` is the terminal's, undefined when there is none. */
export function renderTable<T>(items: readonly T[], columns: readonly Column<T>[], width: number | undefined): string {
  const rows = items.map((item) => columns.map((column) => harmless(column.text(item))));
  const widths = columns.map((column, index) => Math.max(column.title.length, ...rows.map((row) => row[index]?.length ?? 0)));
  const total = widths.reduce((sum, each) => sum + each + 2, -2);
  const shrinking = columns.findIndex((column) => column.shrink);
  if (width !== undefined && total > width && shrinking !== -1)
    widths[shrinking] = Math.max(8, (widths[shrinking] as number) - (total - width));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => {
        const room = widths[index] as number;
        const cut = cell.length > room ? `${cell.slice(0, room - 1)}…` : cell;
        return columns[index]?.right ? cut.padStart(room) : cut.padEnd(room);
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...rows.map(line)].map((text) => `${text}\n`).join('');
}

/** Text from elsewhere (a guest, a file) must not steer the terminal. */
export function harmless(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what must not get through
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '�');
}
