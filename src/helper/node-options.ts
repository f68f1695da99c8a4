// How the runtime of the helper is started: it holds little and computes little, so it gets a small heap, no compiler, few threads.
// Measured with Node.js 24: 13.5 MiB of memory of its own without, 10.2 with all of them (a bare runtime has 8.0).

export const helperNodeOptions: readonly string[] = [
  '--max-semi-space-size=1',
  '--v8-pool-size=0',
  '--single-threaded',
  '--jitless',
  // main.ts gives back what starting up has left.
  '--expose-gc',
];

export const helperEnvironment: Readonly<Record<string, string>> = { UV_THREADPOOL_SIZE: '2' };
