import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Link } from './links.ts';
import { planVlans } from './made-links.ts';

const tagged = { subnets: ['192.0.2.0/24'], uplink: { interface: 'eth1.20', parent: 'eth1', vlan: 20 } };
const plain = { subnets: ['198.51.100.0/24'], uplink: { interface: 'eth1' } };
const vlan = (ifname: string, ifalias?: string): Link => ({
  ifname,
  flags: [],
  linkinfo: { info_kind: 'vlan' },
  ...(ifalias !== undefined && { ifalias }),
});

// This is all that is tried of VLANs where the kernel has none.
describe('VLANs of uplinks', () => {
  test('are made upon their interface, each once', () => {
    assert.deepEqual(planVlans([tagged, plain, tagged], [{ ifname: 'eth1', flags: [] }]), {
      add: [
        'link set dev eth1 up',
        'link add link eth1 name eth1.20 type vlan protocol 802.1Q id 20',
        'link set dev eth1.20 alias caisson',
      ],
      remove: [],
    });
  });

  test('that are there are left alone, whoever made them', () => {
    assert.deepEqual(planVlans([tagged], [vlan('eth1.20', 'caisson')]), { add: [], remove: [] });
    assert.deepEqual(planVlans([tagged], [vlan('eth1.20')]), { add: [], remove: [] });
  });

  test('that nobody asks for any more are removed when we made them', () => {
    const links = [
      vlan('eth1.20', 'caisson'),
      vlan('eth1.30'),
      vlan('eth1.40', 'somebody’s'),
      { ifname: 'eth1', flags: [], ifalias: 'caisson' },
    ];
    assert.deepEqual(planVlans([plain], links), { add: [], remove: ['link del dev eth1.20'] });
  });
});
