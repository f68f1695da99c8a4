// Keys for a guest’s screen: which the browser would keep for itself, and which strokes a text is. A guest is sent keys by their places, as a
// keyboard does, and makes characters of them by its own layout; so a text can only be typed for a layout that is known. Pure.

/** X11’s numbers of keys that are no characters, by their places. */
export const keysyms: Readonly<Record<string, number>> = {
  Backspace: 0xff08,
  Tab: 0xff09,
  Enter: 0xff0d,
  Escape: 0xff1b,
  Delete: 0xffff,
  PrintScreen: 0xff61,
  ShiftLeft: 0xffe1,
  ControlLeft: 0xffe3,
  AltLeft: 0xffe9,
  AltRight: 0xfe03,
  MetaLeft: 0xffeb,
  KeyN: 0x6e,
  KeyT: 0x74,
  KeyW: 0x77,
  ...Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`F${index + 1}`, 0xffbe + index])),
};

/** Which browsers or the system around them take for themselves. The first is a button of its own. */
export const chords: readonly (readonly [string, ...string[]])[] = [
  ['ControlLeft', 'AltLeft', 'Delete'],
  ['AltLeft', 'Tab'],
  ['AltLeft', 'F4'],
  ['MetaLeft'],
  ['Escape'],
  ['Tab'],
  ['PrintScreen'],
  ['ControlLeft', 'KeyW'],
  ['ControlLeft', 'KeyT'],
  ['ControlLeft', 'KeyN'],
  ['F1'],
  ['F5'],
  ['F11'],
  ['F12'],
  ['ControlLeft', 'AltLeft', 'Backspace'],
  ['ControlLeft', 'AltLeft', 'F1'],
  ['ControlLeft', 'AltLeft', 'F2'],
  ['ControlLeft', 'AltLeft', 'F3'],
];

/** `Ctrl-Alt-Del`, with the names that stand on the keys where they differ. */
export function chordName(codes: readonly string[], names: Readonly<Record<string, string>>): string {
  return codes.map((code) => names[code] ?? code.replace(/^Key/, '').replace(/Left$/, '')).join('-');
}

export interface Stroke {
  /** Place of the key, as browsers name it. */
  code: string;
  keysym: number;
  modifiers: readonly string[];
}

export const layouts = ['us', 'fr'] as const;
export type Layout = (typeof layouts)[number];

/** Rows of keys, each from the left to the right. */
const places = [
  'Backquote Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal',
  'KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Backslash',
  'KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote',
  'IntlBackslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash',
].map((row) => row.split(' '));

/** What stands on these keys; a space where there is nothing that makes a character at once. */
const characters: Readonly<Record<Layout, { plain: string[]; shift: string[]; altGr: string[] }>> = {
  us: {
    plain: ['`1234567890-=', 'qwertyuiop[]\\', "asdfghjkl;'", ' zxcvbnm,./'],
    shift: ['~!@#$%^&*()_+', 'QWERTYUIOP{}|', 'ASDFGHJKL:"', ' ZXCVBNM<>?'],
    altGr: [],
  },
  fr: {
    plain: ['²&é"\'(-è_çà)=', 'azertyuiop $*', 'qsdfghjklmù', '<wxcvbn,;:!'],
    shift: [' 1234567890°+', 'AZERTYUIOP £µ', 'QSDFGHJKLM%', '>WXCVBN?./§'],
    altGr: ['  ~#{[|`\\^@]}', '  €'],
  },
};

const modifiersOf = { plain: [], shift: ['ShiftLeft'], altGr: ['AltRight'] } as const;

const strokesOf: Readonly<Record<Layout, ReadonlyMap<string, Stroke>>> = { us: strokesFor('us'), fr: strokesFor('fr') };

function strokesFor(layout: Layout): Map<string, Stroke> {
  const strokes = new Map<string, Stroke>([
    [' ', { code: 'Space', keysym: 0x20, modifiers: [] }],
    ['\n', { code: 'Enter', keysym: 0xff0d, modifiers: [] }],
    ['\t', { code: 'Tab', keysym: 0xff09, modifiers: [] }],
  ]);
  for (const level of ['plain', 'shift', 'altGr'] as const)
    for (const [row, text] of characters[layout][level].entries())
      for (const [column, character] of Array.from(text).entries()) {
        const code = places[row]?.[column];
        if (code === undefined || character === ' ' || strokes.has(character)) continue;
        strokes.set(character, { code, keysym: keysymOf(character), modifiers: modifiersOf[level] });
      }
  return strokes;
}

/** Of a character: its own number, beyond Latin 1 marked as that of Unicode. */
function keysymOf(character: string): number {
  const point = character.codePointAt(0) ?? 0;
  return point < 0x100 ? point : 0x0100_0000 + point;
}

/** The strokes of a text, and the characters that this layout has no key for, each once. */
export function strokesOfText(text: string, layout: Layout): { strokes: Stroke[]; missing: string[] } {
  const strokes: Stroke[] = [];
  const missing = new Set<string>();
  for (const character of text.replaceAll(/\r\n?/g, '\n')) {
    const stroke = strokesOf[layout].get(character);
    if (stroke) strokes.push(stroke);
    else missing.add(character);
  }
  return { strokes, missing: [...missing] };
}
