// `--watch`: print, then print again whenever something changed, at most twice a second, until Ctrl-C. On a terminal in place;
// elsewhere one after the other.
import { CaissonError } from '../lib/errors.ts';
import type { Connection } from './connection.ts';
import type { Io } from './io.ts';

/** Between two looks, when events tell of changes and when they do not (figures change without any). */
const soonMs = 500;
const laterMs = 5000;

export async function watchView(io: Io, { client }: Connection, render: () => Promise<string>): Promise<void> {
  const ending = new AbortController();
  const stop = io.onInterrupt(() => ending.abort());
  const screen = io.stdout.isTTY ? new Screen(io) : undefined;
  let shown: string | undefined;
  let failure: Error | undefined;
  const look = async () => {
    const text = await render();
    if (text === shown || ending.signal.aborted) return;
    shown = text;
    if (screen) screen.show(text);
    else io.stdout.write(text);
  };
  let somethingHappened = false;
  let lookedAt = performance.now();
  let looking = false;
  const timer = setInterval(() => {
    if (looking || (!somethingHappened && performance.now() - lookedAt < laterMs)) return;
    somethingHappened = false;
    looking = true;
    look()
      .catch((error: unknown) => {
        // A daemon that is being restarted comes back; the stream of events knows for how long to hope.
        if (error instanceof CaissonError && error.code === 'unavailable') {
          somethingHappened = true;
          return;
        }
        failure = error as Error;
        ending.abort();
      })
      .finally(() => {
        looking = false;
        lookedAt = performance.now();
      });
  }, soonMs);
  try {
    await look();
    for await (const _event of client.stream('eventFollow', {}, { signal: ending.signal })) somethingHappened = true;
  } finally {
    clearInterval(timer);
    stop();
  }
  if (failure) throw failure;
}

/** Prints what `render` returns, and again after each `everyMs`, until Ctrl-C. */
export async function refreshView(io: Io, everyMs: number, render: () => Promise<string>): Promise<void> {
  const ending = new AbortController();
  const stop = io.onInterrupt(() => ending.abort());
  const screen = io.stdout.isTTY ? new Screen(io) : undefined;
  try {
    while (!ending.signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, everyMs);
      ending.signal.addEventListener('abort', () => resolve(), { once: true });
      await promise;
      clearTimeout(timer);
      if (ending.signal.aborted) break;
      const text = await render();
      if (screen) screen.show(text);
      else io.stdout.write(text);
    }
  } finally {
    stop();
  }
}

/** Redraws in place: from the top, line over line, so that nothing flickers. */
class Screen {
  readonly #io: Io;
  #begun = false;

  constructor(io: Io) {
    this.#io = io;
  }

  show(text: string): void {
    const { stdout } = this.#io;
    const rows = Math.max(2, (stdout.rows ?? 24) - 1);
    const lines = text.replace(/\n$/, '').split('\n');
    const cut = lines.length > rows ? [...lines.slice(0, rows - 1), `… ${lines.length - rows + 1} more lines`] : lines;
    const start = this.#begun ? '\u001b[H' : '\u001b[2J\u001b[H';
    this.#begun = true;
    stdout.write(`${start}${cut.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
  }
}
