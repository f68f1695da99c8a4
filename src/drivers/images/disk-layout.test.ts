import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDisk, renderPartitionTable } from './disk-layout.ts';

test('partitions are aligned, follow each other and leave room for both copies of the table', () => {
  for (const sizeMib of [512, 2048, 1024 * 1024]) {
    const { diskBytes, biosBoot, efi, root } = planDisk(sizeMib);
    const mib = 1024 * 1024;
    assert.ok([biosBoot, efi, root].every(({ offset, size }) => offset % mib === 0 && size % mib === 0 && size > 0));
    assert.equal(biosBoot.offset, mib);
    assert.equal(efi.offset, biosBoot.offset + biosBoot.size);
    assert.equal(root.offset, efi.offset + efi.size);
    assert.equal(root.offset + root.size, diskBytes - mib);
  }
});

test('the table for sfdisk', () => {
  const table = renderPartitionTable(planDisk(2048), { disk: 'D', biosBoot: 'B', efi: 'E', root: 'R' });
  assert.equal(
    table,
    `label: gpt
label-id: D
unit: sectors
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, uuid=B
start=4096, size=32768, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=E
start=36864, size=4155392, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=R
`,
  );
});
