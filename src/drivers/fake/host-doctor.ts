// A host whose state tests and simulations set.
import type { HostCheck } from '../../model/host-check.ts';
import type { HostDoctor } from '../host-doctor.ts';

export interface FakeHostDoctor extends HostDoctor {
  found: HostCheck[];
  /** How often the host was examined. */
  times: number;
}

export function createFakeHostDoctor(): FakeHostDoctor {
  const doctor: FakeHostDoctor = {
    found: [
      { name: 'qemu', verdict: 'ok', found: 'simulated' },
      {
        name: 'kvm',
        verdict: 'warning',
        found: 'a simulated host has no KVM',
        explanation: 'Guests are emulated: slower, and outside QEMU’s security promise.',
        mend: 'use a host of iron',
      },
    ],
    times: 0,
    async examine() {
      doctor.times++;
      return structuredClone(doctor.found);
    },
  };
  return doctor;
}
