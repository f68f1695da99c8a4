// KVM: that /dev/kvm is there, and even that it opens, proves nothing. Only a guest that came up does.
import { type Check, ok, warning } from './check.ts';

const emulated = 'Guests run all the same, by software emulation (TCG), five to fifty times slower.';

export const kvm: Check = {
  name: 'kvm',
  async run(host) {
    if (!(await host.exists('/dev/kvm'))) {
      const cpuinfo = (await host.read('/proc/cpuinfo')) ?? '';
      const module = /\bvmx\b/.test(cpuinfo) ? 'kvm_intel' : /\bsvm\b/.test(cpuinfo) ? 'kvm_amd' : undefined;
      const mend = module
        ? `the processor has it: modprobe ${module}`
        : 'switch virtualization (VT-x, AMD-V) on in the firmware; if this is a virtual machine itself, switch nested virtualization on where it runs';
      return warning('/dev/kvm is not there', emulated, mend);
    }
    if (!host.isRoot && !(await host.canUse('/dev/kvm'))) {
      return warning('/dev/kvm is there; not tried: this user may not open it', emulated, 'run caisson doctor as root');
    }
    if (!host.probeKvm) return warning('/dev/kvm is there; not tried', emulated, 'nothing: the daemon tries it at its start');
    const { works, detail } = await host.probeKvm();
    if (works) return ok(detail);
    return warning(
      `/dev/kvm opens, but ${detail}`,
      emulated,
      'if this is a virtual machine, its own host does not virtualize completely: use a real machine, or another host; else look at the kernel’s messages',
    );
  },
};
