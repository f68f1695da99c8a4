import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wireNames } from './world-probe.ts';

const guests = 3;
const uplinks = [{ ifname: 'eth1', ifindex: 2, link_index: 6, link_netnsid: 0 }];

test('the other end of an uplink is a wire, and so is the bridge that it is a port of', () => {
  const end = { ifname: 'world0', ifindex: 6, link_index: 2, link_netnsid: guests };
  assert.deepEqual(wireNames(uplinks, [end], guests), new Set(['world0']));
  assert.deepEqual(wireNames(uplinks, [{ ...end, master: 'br0' }], guests), new Set(['world0', 'br0']));
});

test('a cable to another namespace is none, be its numbers the same', () => {
  const host = [
    { ifname: 'other0', ifindex: 6, link_index: 2, link_netnsid: 4 },
    { ifname: 'here0', ifindex: 7, link_index: 6 },
    { ifname: 'inner0', ifindex: 8, link_index: 5, link_netnsid: guests },
  ];
  assert.deepEqual(wireNames(uplinks, host, guests), new Set());
});
