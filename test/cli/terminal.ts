// A terminal, or the absence of one, for commands run inside a test.
import { EventEmitter } from 'node:events';
import type { Input, Io, Output } from '../../src/cli/io.ts';

export interface TerminalOptions {
  /** Size of the terminal; absent: output goes to a pipe. */
  size?: { columns: number; rows: number };
  env?: Record<string, string>;
  /** What is typed, or comes through a pipe, to its end. */
  typed?: string;
}

class TestInput extends EventEmitter implements Input {
  readonly isTTY: boolean;
  rawModes: boolean[] = [];

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  setRawMode(raw: boolean): void {
    this.rawModes.push(raw);
  }

  pause(): void {}

  resume(): void {}
}

/** Everything written, in the order in which it was. */
export class Terminal implements Io {
  readonly stdin: TestInput;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Record<string, string>;
  readonly written: { to: 'stdout' | 'stderr'; text: string }[] = [];
  readonly #interrupts = new Set<() => void>();

  constructor({ size, env = {}, typed }: TerminalOptions = {}) {
    this.env = env;
    this.stdin = new TestInput(size !== undefined);
    const output = (to: 'stdout' | 'stderr'): Output => ({
      isTTY: size !== undefined,
      ...size,
      write: (data) => {
        this.written.push({ to, text: typeof data === 'string' ? data : Buffer.from(data).toString('utf8') });
        return true;
      },
      once: () => undefined,
    });
    this.stdout = output('stdout');
    this.stderr = output('stderr');
    if (typed !== undefined) this.stdin.on('newListener', (event) => event === 'end' && setImmediate(() => this.#type(typed)));
  }

  #type(text: string): void {
    this.stdin.emit('data', Buffer.from(text));
    this.stdin.emit('end');
  }

  onInterrupt(listener: () => void): () => void {
    this.#interrupts.add(listener);
    return () => this.#interrupts.delete(listener);
  }

  /** Ctrl-C. False when nobody listens: the program would have ended. */
  interrupt(): boolean {
    for (const listener of this.#interrupts) listener();
    return this.#interrupts.size > 0;
  }

  get out(): string {
    return this.#textOf('stdout');
  }

  get err(): string {
    return this.#textOf('stderr');
  }

  #textOf(to: 'stdout' | 'stderr'): string {
    return this.written
      .filter((each) => each.to === to)
      .map(({ text }) => text)
      .join('');
  }
}
