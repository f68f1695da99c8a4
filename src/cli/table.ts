// Tables and lists of fields as text. Pure.
import { harmless, type Paint, type Style } from './style.ts';
import { cutText, textWidth } from './text-width.ts';

export interface Column<T> {
  title: string;
  text: (item: T) => string;
  style?: (item: T) => Style | undefined;
  /** Numbers stand to the right. */
  right?: boolean;
  /** Gives way first when the terminal is narrow. */
  shrink?: boolean;
  /** Left out when no item has anything there. */
  optional?: boolean;
}

export interface TableOptions {
  /** Of the terminal; undefined when there is none: then nothing is cut. */
  width?: number | undefined;
  paint: Paint;
}

const between = '  ';

/** Empty when there are no items. */
export function renderTable<T>(items: readonly T[], all: readonly Column<T>[], options: TableOptions): string {
  if (items.length === 0) return '';
  const cells = all.map((column) => items.map((item) => harmless(column.text(item)).replaceAll(/[\n\t]+/g, ' ')));
  const columns = all
    .map((column, index) => ({ column, cells: cells[index] ?? [] }))
    .filter(({ column, cells }) => !column.optional || cells.some((cell) => cell !== ''));
  const natural = columns.map(({ column, cells }) =>
    cells.reduce((most, cell) => Math.max(most, textWidth(cell)), textWidth(column.title)),
  );
  const widths = fitWidths(
    natural,
    columns.map(({ column }) => column.shrink === true),
    options.width,
  );
  const line = (cellOf: (position: number) => string, styleOf: (position: number) => Style | undefined) => {
    let text = '';
    for (let position = 0; position < columns.length; position++) {
      const cell = cutText(cellOf(position), widths[position] ?? 0);
      const room = ' '.repeat((widths[position] ?? 0) - textWidth(cell));
      const shown = options.paint(cell, styleOf(position));
      text += `${position === 0 ? '' : between}${columns[position]?.column.right ? `${room}${shown}` : `${shown}${room}`}`;
    }
    return `${text.trimEnd()}\n`;
  };
  const head = line(
    (position) => columns[position]?.column.title ?? '',
    () => 'dim',
  );
  const body = items.map((item, row) =>
    line(
      (position) => columns[position]?.cells[row] ?? '',
      (position) => columns[position]?.column.style?.(item),
    ),
  );
  return head + body.join('');
}

/** Widths that fit: columns that may shrink give way first, the widest before others; then every column does. */
function fitWidths(natural: readonly number[], shrinks: readonly boolean[], width: number | undefined): number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  let excess = widths.reduce((sum, each) => sum + each, 0) + between.length * (widths.length - 1) - width;
  for (const [least, mayShrink] of [
    [8, (position: number) => shrinks[position] === true],
    [4, () => true],
  ] as const) {
    while (excess > 0) {
      const widest = widths.reduce((best, each, position) => {
        const room = mayShrink(position) ? each - least : 0;
        return room > 0 && each > (widths[best] ?? 0) ? position : best;
      }, -1);
      if (widest === -1) break;
      widths[widest] = (widths[widest] ?? 0) - 1;
      excess -= 1;
    }
  }
  return widths;
}

/** Names for people to read: of very many only the first, and how many there are. */
export function listNames(names: readonly string[], separator = ' '): string {
  return names.length > 16 ? `${names.slice(0, 12).join(separator)}${separator}… (${names.length})` : names.join(separator);
}

export type Field = readonly [name: string, value: string | undefined, style?: Style | undefined];

/** Names and values, one a line; what has no value is left out. */
export function renderFields(fields: readonly Field[], paint: Paint): string {
  const shown = fields.filter(([, value]) => value !== undefined && value !== '');
  const width = Math.max(0, ...shown.map(([name]) => textWidth(name)));
  return shown
    .map(([name, value = '', style]) => {
      const lines = harmless(value).split('\n');
      const text = lines.map((line) => paint(line, style)).join(`\n${' '.repeat(width + between.length)}`);
      return `${paint(name.padEnd(width), 'dim')}${between}${text}\n`;
    })
    .join('');
}
