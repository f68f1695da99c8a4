// Named places where a test makes the program fail or die. Nothing happens, and next to nothing is spent, unless a test
// arms one, here or in a child process by CAISSON_FAILPOINTS='NAME=throw|kill[@N],…' (N: at the N-th time; default 1).
import { CaissonError } from './errors.ts';

type Action = 'throw' | 'kill' | (() => void);

let armed: Map<string, { action: Action; left: number }> | undefined;

/** Fails here when a test wants it to. */
export function failpoint(name: string): void {
  if (armed !== undefined) hit(name);
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
  const point = armed?.get(name);
  if (!point || --point.left !== 0) return;
  if (point.action === 'kill') process.kill(process.pid, 'SIGKILL');
  if (point.action === 'throw') throw new CaissonError('failed', `failpoint ${name}`);
  if (typeof point.action === 'function') point.action();
}

for (const entry of process.env['CAISSON_FAILPOINTS']?.split(',') ?? []) {
  const match = /^(.+)=(throw|kill)(?:@(\d+))?$/.exec(entry);
  if (!match) throw new CaissonError('invalid', `CAISSON_FAILPOINTS: ${entry} is not NAME=throw or NAME=kill`);
  armFailpoint(match[1] as string, match[2] as 'throw' | 'kill', Number(match[3] ?? 1));
}
