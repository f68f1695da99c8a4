// Ctrl-C, and whatever else ends a program in order, stops what is measured; what was begun is taken away all the same. Asked again, it goes on taking away.

export function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort(new Error('stopped')));
  return stopping.signal;
}
