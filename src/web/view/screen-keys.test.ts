import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chordName, chords, keysyms, layouts, strokesOfText } from './screen-keys.ts';

const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index)).join('');

for (const layout of layouts) {
  test(`every character of ASCII can be typed on a keyboard of ${layout}, each by a stroke of its own`, () => {
    const { strokes, missing } = strokesOfText(`${printable}\n\t`, layout);
    assert.deepEqual(missing, []);
    assert.equal(new Set(strokes.map(({ code, modifiers }) => `${code} ${modifiers.join(' ')}`)).size, 97);
  });
}

test('the same character is at another place on another keyboard', () => {
  const placeOf = (character: string, layout: 'us' | 'fr') => {
    const [stroke] = strokesOfText(character, layout).strokes;
    return [...(stroke?.modifiers ?? []), stroke?.code].join('+');
  };
  assert.deepEqual([placeOf('a', 'us'), placeOf('a', 'fr')], ['KeyA', 'KeyQ']);
  assert.deepEqual([placeOf('M', 'us'), placeOf('M', 'fr')], ['ShiftLeft+KeyM', 'ShiftLeft+Semicolon']);
  assert.deepEqual([placeOf('@', 'us'), placeOf('@', 'fr')], ['ShiftLeft+Digit2', 'AltRight+Digit0']);
  assert.deepEqual([placeOf('|', 'us'), placeOf('|', 'fr')], ['ShiftLeft+Backslash', 'AltRight+Digit6']);
  assert.deepEqual([placeOf('€', 'fr'), placeOf('<', 'fr')], ['AltRight+KeyE', 'IntlBackslash']);
});

test('what a keyboard has no key for is told once, and the rest is typed', () => {
  assert.deepEqual(strokesOfText('aéaé漢', 'us').missing, ['é', '漢']);
  assert.equal(strokesOfText('aéa', 'us').strokes.length, 2);
  assert.equal(strokesOfText('a\r\nb\rc', 'us').strokes.filter(({ code }) => code === 'Enter').length, 2);
});

test('every chord has a name and keys that can be sent', () => {
  const names = { ControlLeft: 'Ctrl', Delete: 'Suppr' };
  assert.equal(chordName(chords[0] ?? [], names), 'Ctrl-Alt-Suppr');
  assert.equal(chordName(['ControlLeft', 'KeyW'], names), 'Ctrl-W');
  for (const code of chords.flat()) assert.ok(keysyms[code] !== undefined, code);
});
