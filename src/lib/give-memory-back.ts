// Starting up, and each busy time, leaves pages and compiled code that only the collector of last resort gives up. Needs --expose-gc.

/** Looks as often as said whether there is enough to be given back, in bytes of heap that came since; returns what ends it. */
export function giveMemoryBack({ everyMs, worthwhileBytes }: { everyMs: number; worthwhileBytes: number }): () => void {
  const { gc } = globalThis as { gc?: (options: object) => void };
  if (!gc) return () => undefined;
  let afterCollection = 0;
  const timer = setInterval(() => {
    if (process.memoryUsage().heapTotal - afterCollection < worthwhileBytes) return;
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    afterCollection = process.memoryUsage().heapTotal;
  }, everyMs);
  return () => clearInterval(timer);
}
