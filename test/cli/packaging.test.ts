// The commands that the system's own programs are told to call (units, and the guide's lines for NUT) are commands that there are.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandsOf, createProgram, fullName } from '../../src/cli/program.ts';
import { Terminal } from './terminal.ts';

const root = join(import.meta.dirname, '../..');
const program = createProgram(new Terminal());
const units = readdirSync(join(root, 'packaging/systemd'));

/** `caisson NOUN VERB --option value …` wherever it stands in a text. */
function callsIn(text: string): string[][] {
  return [...text.matchAll(/caisson ((?:daemon|guest|host)\b[^;"'\n]*)/g)].map((match) => (match[1] as string).trim().split(/\s+/));
}

function check(words: string[]): void {
  const said = `caisson ${words.join(' ')}`;
  const command = commandsOf(program)
    .toSorted((a, b) => fullName(b).length - fullName(a).length)
    .find((each) => `${said} `.startsWith(`${fullName(each)} `));
  assert.ok(command, `there is no command “${said}”`);
  const known = command.options.map((option) => option.long);
  for (const word of words.filter((each) => each.startsWith('--'))) assert.ok(known.includes(word), `“${said}” has an option ${word}`);
}

test('units call commands that there are', () => {
  const calls = units.flatMap((unit) => callsIn(readFileSync(join(root, 'packaging/systemd', unit), 'utf8')));
  assert.deepEqual(calls.map(([noun]) => noun).toSorted(), ['daemon', 'host']);
  for (const words of calls) check(words);
});

test('so do the guide’s lines', () => {
  const text = readFileSync(join(root, 'docs/guide/start-and-stop.md'), 'utf8');
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```/gm)].map((match) => match[1] as string);
  const calls = blocks.flatMap(callsIn);
  assert.ok(calls.length >= 3, JSON.stringify(calls));
  for (const words of calls) check(words.slice(0, words.indexOf('#') === -1 ? undefined : words.indexOf('#')));
});

test('the daemon’s end is not the guests’, and theirs comes only with the system’s', () => {
  const [guests, daemon] = ['caisson-guests.service', 'caisson.service'].map((unit) =>
    readFileSync(join(root, 'packaging/systemd', unit), 'utf8'),
  );
  assert.match(daemon ?? '', /^KillMode=process$/m);
  assert.match(guests ?? '', /^After=caisson\.service /m);
  assert.match(guests ?? '', /^ExecStop=.*is-system-running.*stopping\)/m);
  const within = /--within (\d+)min/.exec(guests ?? '')?.[1];
  const limit = /^TimeoutStopSec=(\d+)min$/m.exec(guests ?? '')?.[1];
  assert.ok(Number(within) < Number(limit), 'systemd would cut the shutdown off');
});
