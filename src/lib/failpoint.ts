// Named places where a test makes the program fail or die. Nothing happens, and next to nothing is spent, unless a test
// arms one, here or in a child process by CAISSON_FAILPOINTS='NAME=throw|kill[@N],…' (N: at the N-th time; default 1). With
// CAISSON_FAILPOINTS_FILE the same stands in a file, one a line, and may be changed while the program runs; a line `log FILE` there
// has every name that is passed written to FILE.
import { appendFileSync, readFileSync } from 'node:fs';
import { CaissonError } from './errors.ts';

type Action = 'throw' | 'kill' | (() => void);

/** In place of a name: whatever point it is. */
const any = '*';

let armed: Map<string, { action: Action; left: number }> | undefined;
const controlFile = process.env['CAISSON_FAILPOINTS_FILE'];
let control = '';
let logFile: string | undefined;

/** Fails here when a test wants it to. */
export function failpoint(name: string): void {
  if (armed !== undefined) hit(name);
}

/** Whether a test may want anything to fail: what costs something is left out otherwise. */
export function hasFailpoints(): boolean {
  return armed !== undefined;
}

/** For tests: does `action` the `at`-th time that the point is reached, once. */
export function armFailpoint(name: string, action: Action, at = 1): void {
  armed ??= new Map();
  armed.set(name, { action, left: at });
}

export function disarmFailpoints(): void {
  armed = undefined;
}

function hit(name: string): void {
  if (controlFile !== undefined) readControl(controlFile);
  if (logFile !== undefined) appendFileSync(logFile, `${name}\n`);
  for (const key of [name, any]) fire(name, armed?.get(key));
}

function fire(name: string, point: { action: Action; left: number } | undefined): void {
  if (!point || --point.left !== 0) return;
  if (point.action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (point.action === 'throw') throw new CaissonError('failed', `failpoint ${name}`);
  if (typeof point.action === 'function') point.action();
}

/** Arms anew when the file has changed. */
function readControl(path: string): void {
  const text = readFileSync(path, 'utf8');
  if (text === control) return;
  control = text;
  armed = new Map();
  logFile = undefined;
  for (const line of text.split('\n').filter(Boolean)) {
    if (line.startsWith('log ')) logFile = line.slice('log '.length);
    else armEntry(line);
  }
}

function armEntry(entry: string): void {
  const match = /^(.+)=(throw|kill)(?:@(\d+))?$/.exec(entry);
  if (!match) throw new CaissonError('invalid', `CAISSON_FAILPOINTS: ${entry} is not NAME=throw or NAME=kill`);
  armFailpoint(match[1] as string, match[2] as 'throw' | 'kill', Number(match[3] ?? 1));
}

for (const entry of process.env['CAISSON_FAILPOINTS']?.split(',') ?? []) armEntry(entry);
if (controlFile !== undefined) armed ??= new Map();
