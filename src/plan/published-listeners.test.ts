import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Publication } from '../model/publication.ts';
import type { Zone } from '../model/zone.ts';
import { findHeardPublication } from './published-listeners.ts';

const site = (...publish: Publication[]) => ({ zones: { office: { subnets: ['10.30.0.0/24'], publish } as unknown as Zone } });
const port = (listen: string, protocol: 'tcp' | 'udp' = 'tcp'): Publication => ({ listen, to: 'web:80', protocol });
const host = {
  addresses: ['203.0.113.1', '2001:db8::1'],
  sockets: [
    { protocol: 'tcp' as const, address: '0.0.0.0', port: 22 },
    { protocol: 'tcp' as const, address: '203.0.113.1', port: 8443 },
    { protocol: 'tcp' as const, address: '127.0.0.1', port: 25 },
    { protocol: 'udp' as const, address: '::', port: 123 },
  ],
};
const heard = (before: ReturnType<typeof site> | undefined, ...publish: Publication[]) =>
  findHeardPublication(before, site(...publish), host);

test('a port that a program of the host hears is not published, also in a range', () => {
  assert.match(
    heard(undefined, port('203.0.113.1:22')) ?? '',
    /zone office cannot publish tcp\/22 of 203\.0\.113\.1: a program of the host/,
  );
  assert.match(heard(undefined, port('203.0.113.1:8000-9000')) ?? '', /tcp\/8443 of 203/);
  for (const listen of ['203.0.113.1:123', '[2001:db8::1]:123']) assert.match(heard(undefined, port(listen, 'udp')) ?? '', /udp\/123/);
});

test('what nobody hears there is, and so is what is published already', () => {
  for (const one of [port('203.0.113.1:25'), port('203.0.113.1:22', 'udp'), port('[2001:db8::1]:22'), port('203.0.113.1:23-80')])
    assert.equal(heard(undefined, one), undefined, one.listen);
  // An address that the host does not have: nobody could reach a program of the host by it.
  assert.equal(heard(undefined, port('203.0.113.50:22')), undefined);
  assert.equal(heard(site(port('203.0.113.1:22')), port('203.0.113.1:22')), undefined);
});
