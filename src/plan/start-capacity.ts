// How many guests may boot at the same time. Pure. A boot computes, and waits in between, for disks, timers and answers: two on a processor
// fill each other's pauses (docs/decisions/0080 has the figures). Many more make all of them late together. With KVM a boot computes for a second or two
// and waits for the rest.

const perCpu = { tcg: 2, kvm: 4 } as const;

export function startsAtOnce({ cpus, accelerator }: { cpus: number; accelerator: 'kvm' | 'tcg' }): number {
  return Math.max(1, cpus) * perCpu[accelerator];
}
