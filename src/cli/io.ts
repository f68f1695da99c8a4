// The terminal, or whatever stands in its place: a parameter, so that a test can be one.

export interface Input {
  isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  on(event: 'data', listener: (chunk: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

export interface Output {
  isTTY?: boolean;
  /** Of a terminal. */
  columns?: number;
  rows?: number;
  /** False: wait for `drain` before more is written. */
  write(data: string | Uint8Array): boolean;
  once(event: 'drain', listener: () => void): unknown;
}

export interface Io {
  stdin: Input;
  /** Data, and nothing else. */
  stdout: Output;
  /** Words for people: progress, errors, hints. */
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  /** Ctrl-C, SIGTERM or SIGHUP come here instead of ending the program, until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function processIo(): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onInterrupt(listener) {
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
  };
}
