// Memory that guests never get: the host must not swap, whatever they do.

/** A tenth of the host, at least 1 GiB and at most 8; on a small host never more than a quarter. */
export function reserveMib(totalMib: number): number {
  const usual = Math.min(8192, Math.max(1024, Math.floor(totalMib / 10)));
  return Math.min(usual, Math.floor(totalMib / 4));
}
