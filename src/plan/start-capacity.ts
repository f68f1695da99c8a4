// How many guests may boot at the same time. Pure.

export function startsAtOnce({ cpus, accelerator }: { cpus: number; accelerator: 'kvm' | 'tcg' }): number {
  return accelerator === 'kvm' ? Math.max(2, 4 * cpus) : Math.max(2, cpus);
}
