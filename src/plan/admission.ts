// May a guest start? Guest memory and QEMU's own must fit beside what is promised and what the host keeps, so that the host never
// swaps. A refusal carries the arithmetic. Pure.

export interface MemoryPromise {
  name: string;
  memoryMib: number;
  /** What QEMU needs beside the guest's memory. */
  overheadMib: number;
}

export interface AdmissionInput {
  totalMib: number;
  /** Kept for the host itself. */
  reserveMib: number;
  promised: readonly MemoryPromise[];
  asked: MemoryPromise;
}

export type Admission = { kind: 'admitted'; freeMib: number } | { kind: 'refused'; message: string; neededMib: number; freeMib: number };

export function admit({ totalMib, reserveMib, promised, asked }: AdmissionInput): Admission {
  const promisedMib = promised.reduce((sum, each) => sum + each.memoryMib + each.overheadMib, 0);
  const freeMib = totalMib - reserveMib - promisedMib;
  const neededMib = asked.memoryMib + asked.overheadMib;
  if (neededMib <= freeMib) return { kind: 'admitted', freeMib };
  const message = `needs ${figure(neededMib)} MiB (${figure(asked.memoryMib)} + ${figure(asked.overheadMib)} for QEMU), ${figure(Math.max(0, freeMib))} free (${figure(totalMib)} − ${figure(reserveMib)} reserve − ${figure(promisedMib)} promised)`;
  return { kind: 'refused', message, neededMib, freeMib };
}

function figure(mib: number): string {
  return mib.toLocaleString('en');
}
