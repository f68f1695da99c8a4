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

export function chooseCpuModel(accelerator: 'kvm' | 'tcg', models: readonly { name: string; 'unavailable-features'?: string[] }[]): string {
  if (accelerator === 'tcg') return modest;
  const runs = new Set(models.filter((model) => model['unavailable-features']?.length === 0).map((model) => model.name));
  return preferred.find((name) => runs.has(name)) ?? modest;
}
