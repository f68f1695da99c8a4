// Colours: two that mean something and one that steps back. Never the only way to tell something.
import type { Io, Output } from './io.ts';

export type Style = 'amber' | 'red' | 'dim' | 'bold';

const codes: Record<Style, readonly [number, number]> = { amber: [33, 39], red: [31, 39], dim: [2, 22], bold: [1, 22] };

export type Paint = (text: string, style: Style | undefined) => string;

/** Colours for a terminal that has some and whose user wants them (https://no-color.org). */
export function painter(output: Output, env: Io['env']): Paint {
  if (!output.isTTY || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return plain;
  return (text, style) => {
    if (style === undefined || text === '') return text;
    const [on, off] = codes[style];
    return `\u001b[${on}m${text}\u001b[${off}m`;
  };
}

export const plain: Paint = (text) => text;
