import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseCpuModel } from './choose-cpu-model.ts';

test('under emulation the model is the one that emulation has whole', () => {
  assert.equal(chooseCpuModel('tcg', [{ name: 'EPYC-Rome', 'unavailable-features': [] }]), 'Nehalem,vendor=AuthenticAMD');
});

test('with KVM the richest named model is taken of which the host has every feature', () => {
  const models = [
    { name: 'Westmere-IBRS', 'unavailable-features': [] },
    { name: 'EPYC-Milan', 'unavailable-features': ['pku'] },
    { name: 'EPYC-Rome', 'unavailable-features': [] },
    { name: 'host', 'unavailable-features': [] },
    { name: 'SapphireRapids' },
  ];
  assert.equal(chooseCpuModel('kvm', models), 'EPYC-Rome');
  assert.equal(chooseCpuModel('kvm', []), 'Nehalem');
});
