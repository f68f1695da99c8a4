import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { may, type Permission, permissions, type Role, type RoleBinding, roles, type Target } from './rights.ts';
import { parseScope, scopeSchema } from './role.ts';

const site: Target = { kind: 'site' };
const internal: Target = { kind: 'zone', name: 'internal' };
const web: Target = { kind: 'guest', uid: 'gaaaaaaaaaa', zones: ['external'] };
const gate: Target = { kind: 'guest', uid: 'gbbbbbbbbbb', zones: ['external', 'internal'] };

const allowedTo = (role: Role): Permission[] => permissions.filter((permission) => may([{ role, on: 'site' }], permission, site));

test('each role grants what its row of the table says', () => {
  assert.deepEqual(allowedTo('viewer'), ['view']);
  assert.deepEqual(allowedTo('operator'), ['view', 'operate']);
  assert.deepEqual(allowedTo('administrator'), ['view', 'operate', 'configure', 'audit', 'administer']);
  assert.deepEqual(allowedTo('auditor'), ['view', 'audit']);
});

test('without a binding nothing is allowed', () => {
  const targets: Target[] = [site, internal, web];
  for (const permission of permissions)
    assert.deepEqual(
      targets.filter((target) => may([], permission, target)),
      [],
    );
});

test('a role on a zone counts for it and its guests, not for others and not for the site', () => {
  const bindings: RoleBinding[] = [{ role: 'operator', on: 'zone:external' }];
  assert.equal(may(bindings, 'operate', web), true);
  assert.equal(may(bindings, 'operate', { kind: 'zone', name: 'external' }), true);
  assert.equal(may(bindings, 'configure', web), false);
  assert.equal(may(bindings, 'view', internal), false);
  assert.equal(may(bindings, 'view', site), false);
});

test('a guest with nics in two zones needs a role on both, each of which grants it', () => {
  const one: RoleBinding = { role: 'operator', on: 'zone:external' };
  assert.equal(may([one], 'view', gate), false);
  assert.equal(may([one, { role: 'viewer', on: 'zone:internal' }], 'view', gate), true);
  assert.equal(may([one, { role: 'viewer', on: 'zone:internal' }], 'operate', gate), false);
  assert.equal(may([{ role: 'operator', on: 'guest:gbbbbbbbbbb' }], 'operate', gate), true);
});

test('a guest without a nic belongs to no zone: only a role on itself or the site counts', () => {
  assert.equal(may([{ role: 'administrator', on: 'zone:external' }], 'view', { kind: 'guest', uid: 'gaaaaaaaaaa', zones: [] }), false);
});

test('a role on a guest counts for no other guest and no zone', () => {
  const bindings: RoleBinding[] = [{ role: 'administrator', on: 'guest:gaaaaaaaaaa' }];
  assert.equal(may(bindings, 'configure', web), true);
  assert.equal(may(bindings, 'view', gate), false);
  assert.equal(may(bindings, 'view', { kind: 'zone', name: 'external' }), false);
});

test('more bindings never allow less, and a role on the site allows what it allows anywhere', () => {
  const scope = fc.constantFrom('site' as const, 'zone:external' as const, 'zone:internal' as const, 'guest:gaaaaaaaaaa' as const);
  const binding = fc.record({ role: fc.constantFrom(...roles), on: scope });
  fc.assert(
    fc.property(
      fc.array(binding, { maxLength: 4 }),
      binding,
      fc.constantFrom(...permissions),
      fc.constantFrom(site, internal, web, gate),
      (bindings, another, permission, target) => {
        if (may(bindings, permission, target)) {
          assert.ok(may([...bindings, another], permission, target));
          assert.ok(
            may(
              bindings.map(({ role }) => ({ role, on: 'site' as const })),
              permission,
              target,
            ),
          );
        }
      },
    ),
    { seed: 1 },
  );
});

test('what is no scope is refused', () => {
  for (const text of [
    '',
    'Site',
    'zone:',
    'zone:Ext',
    'zone:world',
    'zone:__proto__',
    'guest:web',
    'guest:gaaaaaaaaaa ',
    'guest',
    'zone:a\n',
  ]) {
    assert.equal(parseScope(text), undefined, text);
    assert.equal(scopeSchema.safeParse(text).success, false, text);
  }
  assert.deepEqual(parseScope('zone:external'), { kind: 'zone', name: 'external' });
  assert.deepEqual(parseScope('guest:gaaaaaaaaaa'), { kind: 'guest', uid: 'gaaaaaaaaaa' });
});
