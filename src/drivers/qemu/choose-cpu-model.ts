// The processor model that new guests are pinned to: a named one, so that a guest finds the same processor after a move or an
// update of QEMU. Pure.

/** Newest first; the first of which the host has every feature is taken. */
const preferred = [
  'EPYC-Milan',
  'EPYC-Rome',
  'EPYC-IBPB',
  'SapphireRapids',
  'Icelake-Server',
  'Cascadelake-Server-noTSX',
  'Skylake-Server-noTSX-IBRS',
  'Broadwell-noTSX-IBRS',
  'Haswell-noTSX-IBRS',
  'IvyBridge-IBRS',
  'SandyBridge-IBRS',
  'Westmere-IBRS',
];

/**
 * What emulation has whole, and what every distribution of today asks for (x86-64-v2). Richer models are not faster there, and
 * with `max` kernels from 6.12 on panic on QEMU 7.2.
 */
const modest = 'Nehalem';

/**
 * The same under emulation, but not by Intel's name: a kernel that sees that name separates its page tables from its programs' against
 * Meltdown, which an emulated processor does not have, and that doubles the time of a boot.
 */
const emulated = `${modest},vendor=AuthenticAMD`;

export function chooseCpuModel(accelerator: 'kvm' | 'tcg', models: readonly { name: string; 'unavailable-features'?: string[] }[]): string {
  if (accelerator === 'tcg') return emulated;
  const runs = new Set(models.filter((model) => model['unavailable-features']?.length === 0).map((model) => model.name));
  return preferred.find((name) => runs.has(name)) ?? modest;
}
