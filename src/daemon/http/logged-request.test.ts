import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../../api/endpoint.ts';
import { endpoints } from '../../api/endpoints.ts';
import { describeRequest } from './logged-request.ts';

const request = (endpoint: Endpoint, more: { params?: unknown; query?: unknown; body?: unknown }) =>
  describeRequest(endpoint, { params: undefined, query: undefined, body: undefined, ...more });

test('it is named after what it is about', () => {
  assert.equal(request(endpoints.guestStop, { params: { guest: 'web' } }).object, 'guest/web');
  assert.equal(request(endpoints.imageDelete, { params: { name: 'debian-12' } }).object, 'image/debian-12');
  assert.equal(request(endpoints.hostShutdown, {}).object, 'host');
  assert.equal(request(endpoints.zoneCheck, {}).object, 'zone');
  assert.equal(request(endpoints.siteApply, { body: {} }).object, 'site');
});

test('a guest is there by its name, also where it was asked for by its uid; one that is gone is said to be', () => {
  const names = new Map([['gaaaaaaaaaa', 'web']]);
  const said = (endpoint: Endpoint, more: { params?: unknown; body?: unknown }) =>
    describeRequest(endpoint, { params: undefined, query: undefined, body: undefined, ...more }, (uid) => names.get(uid));
  assert.equal(said(endpoints.guestStop, { params: { guest: 'gaaaaaaaaaa' } }).object, 'guest/web');
  assert.equal(said(endpoints.guestStop, { params: { guest: 'web' } }).object, 'guest/web');
  assert.equal(said(endpoints.guestStop, { params: { guest: 'gbbbbbbbbbb' } }).object, 'guest/gbbbbbbbbbb');
  assert.equal(said(endpoints.userDelete, { params: { user: 'gaaaaaaaaaa' } }).object, 'user/gaaaaaaaaaa');
  const bindings = ['guest:gaaaaaaaaaa', 'guest:gbbbbbbbbbb', 'guest:web', 'zone:dmz', 'site'].map((on) => ({ role: 'viewer', on }));
  assert.deepEqual(
    said(endpoints.userSet, { params: { user: 'anna' }, body: { bindings } }).parameters?.['bindings'],
    ['guest:web', 'guest:gbbbbbbbbbb (deleted)', 'guest:web', 'zone:dmz', 'site'].map((on) => ({ role: 'viewer', on })),
  );
});

test('query and named fields of the body are kept, nothing else', () => {
  const row: Endpoint = { method: 'POST', path: '/v1/users/:user/password', summary: '', access: 'signed-in', logs: ['expires'] };
  const { object, parameters } = request(row, {
    params: { user: 'anna' },
    query: { notify: true },
    body: { password: 'secret', expires: 1 },
  });
  assert.equal(object, 'user/anna');
  assert.deepEqual(parameters, { notify: true, expires: 1 });
});

test('what is large is kept by its digest', () => {
  const { parameters } = request(endpoints.siteApply, { body: { site: { text: 'x'.repeat(2000) }, prune: false } });
  assert.deepEqual(parameters, {
    site: { sha256: 'fae99d0be01a974d3878ba385425cf3f44076b5bba0e9ce67f86805d9c0df8b1', bytes: 2011 },
    prune: false,
  });
});

test('an address loses user, password and query', () => {
  const { parameters } = request(endpoints.imageImport, {
    body: { name: 'x', source: { url: 'https://anna:secret@example.org/disk.img?key=secret', sha256: 'ab' } },
  });
  assert.deepEqual(parameters, { name: 'x', source: { url: 'https://example.org/disk.img', sha256: 'ab' } });
});

test('every field that a row names is a field of its body', () => {
  for (const [id, endpoint] of Object.entries(endpoints) as [string, Endpoint][]) {
    if (!endpoint.logs) continue;
    const unknown = Object.fromEntries(endpoint.logs.map((name) => [name, Symbol('never valid')]));
    const result = endpoint.body?.safeParse(unknown);
    const issues = result?.success === false ? result.error.issues : [];
    assert.deepEqual(
      issues.filter(({ code }) => code === 'unrecognized_keys'),
      [],
      id,
    );
    assert.ok(result && !result.success, `${id} has a body`);
  }
});
