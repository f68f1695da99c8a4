// This machine for the doctor, with a guest that really tries KVM.
import { probeAccelerator } from '../../drivers/qemu/probe/probe-accelerator.ts';
import { qemuProgram } from '../../drivers/qemu/render-argv.ts';
import { type DoctorHost, systemHost } from './host.ts';

export function probedHost(): DoctorHost {
  return systemHost(async () => {
    const { accelerator, reason } = await probeAccelerator(qemuProgram);
    // The check says itself that the device is there.
    return { works: accelerator === 'kvm', detail: reason.replace(/^.*really run guests: /, '') };
  });
}
