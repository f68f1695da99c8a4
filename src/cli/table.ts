// Tables and lists of fields as text. Pure.
import { harmless } from '../lib/harmless.ts';
import { type Paint, type Style } from './style.ts';
import { cutText, isPlain, textWidth } from './text-width.ts';

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

/** A column with the text of its cells, ready to be shown. */
interface Shown<T> {
  column: Column<T>;
  cells: readonly string[];
  /** The widest cell, or the title. */
  width: number;
  widthOf: (text: string) => number;
}

/** Empty when there are no items. */
export function renderTable<T>(items: readonly T[], columns: readonly Column<T>[], { width, paint }: TableOptions): string {
  if (items.length === 0) return '';
  const shown = columns.flatMap((column) => showColumn(items, column) ?? []);
  const widths = fitWidths(
    shown.map((each) => each.width),
    shown.map(({ column }) => column.shrink === true),
    width,
  );
  const fitted = shown.map((each, position) => fitCells(each, widths[position] ?? 0, items, paint));
  let text = '';
  for (let row = 0; row <= items.length; row++)
    text += `${fitted
      .map((cells) => cells[row])
      .join(between)
      .trimEnd()}\n`;
  return text;
}

/** The title and the cells, each as wide as the column is to be. */
function fitCells<T>({ column, cells, width, widthOf }: Shown<T>, room: number, items: readonly T[], paint: Paint): string[] {
  const pad = (text: string, style: Style | undefined) => {
    const cut = width <= room ? text : cutText(text, room);
    const gap = ' '.repeat(room - widthOf(cut));
    return column.right ? gap + paint(cut, style) : paint(cut, style) + gap;
  };
  return [pad(column.title, 'dim'), ...cells.map((cell, row) => pad(cell, column.style?.(items[row] as T)))];
}

/** Undefined for an optional column without content. */
function showColumn<T>(items: readonly T[], column: Column<T>): Shown<T> | undefined {
  const raw = items.map(column.text);
  // Looked at as a whole, since nearly always every cell is plain.
  const plain = isPlain(raw.join(''));
  const cells = plain ? raw : raw.map((cell) => harmless(cell).replaceAll(/[\n\t]+/g, ' '));
  const widthOf = plain ? (text: string) => text.length : textWidth;
  if (column.optional && cells.every((cell) => cell === '')) return undefined;
  return { column, cells, widthOf, width: cells.reduce((most, cell) => Math.max(most, widthOf(cell)), widthOf(column.title)) };
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
