import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Guest } from '../../model/guest-status.ts';
import type { Me } from '../../model/me.ts';
import { actionsFor } from './me.ts';

const guest = {
  uid: 'g1',
  spec: { nics: [{ zone: 'dmz', addresses: [] }] },
  actions: ['start', 'console', 'delete', 'rename'],
} as unknown as Guest;
const nobody: Me = { actor: 'user:ada', bindings: [], site: [], zones: {}, guests: {} };

test('what somebody may not do is not offered, wherever the permission comes from', () => {
  assert.deepEqual(actionsFor(nobody, guest), []);
  assert.deepEqual(actionsFor({ ...nobody, site: ['view'] }, guest), []);
  for (const me of [
    { ...nobody, site: ['view', 'operate'] },
    { ...nobody, zones: { dmz: ['view', 'operate'] } },
    { ...nobody, guests: { g1: ['view', 'operate'] } },
  ] satisfies Me[])
    assert.deepEqual(actionsFor(me, guest), ['start', 'console']);
  assert.deepEqual(actionsFor({ ...nobody, zones: { other: ['operate'] } }, guest), []);
  assert.deepEqual(actionsFor({ ...nobody, site: ['view', 'operate', 'configure'] }, guest), guest.actions);
});
