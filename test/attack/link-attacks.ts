// Attacks below IP: addresses of the wire, ARP and neighbour discovery, rogue DHCP and routers, tags and encapsulations.
import type { NetworkNic } from '../../src/model/network-state.ts';
import { attackNics } from './attack-lab.ts';
import type { Attack, Scene } from './attack.ts';
import {
  addressBytes,
  arp,
  broadcast,
  type Ends,
  ethernet,
  icmp,
  icmp6,
  ip,
  macBytes,
  ndOption,
  protocols,
  snapped,
  tagged,
  u16,
  u32,
  udp,
} from './frames.ts';

const { mallory, database, web } = attackNics;
const [own4 = '', own6 = ''] = mallory.addresses;
const [victim4 = '', victim6 = ''] = database.addresses;
const [allowed4 = '', , allowed6 = ''] = web.addresses;
const router = { v4: '10.20.0.1', v6: 'fd20:0:a14:5::1', link: 'fe80::1' };
const ownLink = 'fe80::5054:ff:fe00:6';

const ends = (nic: NetworkNic, to: string): Ends => ({ from: nic.mac, to });
const own = (scene: Scene) => ends(mallory, scene.to);
const nobody = '00:00:00:00:00:00';

/** What no flow allows, from the sender's own addresses. */
function forbidden({ mark, to }: Scene, sender = mallory.mac): Buffer[] {
  return [
    [own4, victim4],
    [own6, victim6],
  ].map(([from = '', to4 = '']) =>
    ip(
      { from: sender, to },
      { from, to: to4, protocol: protocols.udp, payload: udp({ from, to: to4 }, { from: 4000, to: 3306 }, mark.bytes) },
    ),
  );
}

/** As if it came from a guest that has a flow to the victim. */
function spoofed({ mark, to }: Scene): Buffer[] {
  return [
    [allowed4, victim4],
    [allowed6, victim6],
  ].map(([from = '', to4 = '']) =>
    ip(own({ mark, to }), {
      from,
      to: to4,
      protocol: protocols.udp,
      payload: udp({ from, to: to4 }, { from: 4000, to: 3306 }, mark.bytes),
    }),
  );
}

function dhcpAnswer({ mark, to }: Scene, type: number, from: string): Buffer {
  const fields = Buffer.alloc(236);
  Buffer.from([2, 1, 6, 0]).copy(fields, 0);
  addressBytes(own4).copy(fields, 16);
  addressBytes(own4).copy(fields, 20);
  macBytes(database.mac).copy(fields, 28);
  const options = Buffer.concat([
    Buffer.from([0x63, 0x82, 0x53, 0x63, 53, 1, type, 54, 4]),
    addressBytes(own4),
    Buffer.from([3, 4]),
    addressBytes(own4),
    Buffer.from([12, 16]),
    mark.bytes,
    Buffer.from([255]),
  ]);
  const ends = { from, to: '255.255.255.255' };
  return ip(own({ mark, to }), {
    ...ends,
    protocol: protocols.udp,
    payload: udp(ends, { from: 67, to: 68 }, Buffer.concat([fields, options])),
  });
}

/** A router that says: here is the way out, and these addresses are on the link. */
function advertisement({ mark, to }: Scene, from: string): Buffer {
  const prefix = ndOption(3, Buffer.concat([Buffer.from([64, 0xc0]), u32(86_400), u32(86_400), u32(0), addressBytes('2001:db8:bad::')]));
  const names = ndOption(25, Buffer.concat([u16(0), u32(3600), addressBytes(own6)]));
  const body = Buffer.concat([Buffer.from([255, 0]), u16(1800), u32(0), u32(0), prefix, names, ndOption(200, mark.bytes)]);
  const ends = { from, to: 'ff02::1' };
  return ip(own({ mark, to }), { ...ends, protocol: protocols.icmp6, ttl: 255, payload: icmp6(ends, 134, 0, body) });
}

function neighbour({ mark, to }: Scene, type: 135 | 136, sender: string, target: string, receiver: string): Buffer {
  const body = Buffer.concat([
    type === 136 ? u32(0xa0000000) : u32(0),
    addressBytes(target),
    ndOption(type === 136 ? 2 : 1, macBytes(mallory.mac)),
    ndOption(200, mark.bytes),
  ]);
  const ends = { from: sender, to: receiver };
  return ip(own({ mark, to }), { ...ends, protocol: protocols.icmp6, ttl: 255, payload: icmp6(ends, type, 0, body) });
}

/** “Reach `victim` through me from now on”, said to the victim of the lie. */
function redirect4({ mark, to }: Scene, speaker: string): Buffer {
  const inner = Buffer.concat([
    Buffer.from('45000030000100004006000000000000', 'hex').subarray(0, 12),
    addressBytes(victim4),
    addressBytes(allowed4),
    mark.bytes,
  ]);
  return ip(own({ mark, to }), {
    from: speaker,
    to: victim4,
    protocol: protocols.icmp,
    payload: icmp(5, 1, addressBytes(own4).readUInt32BE(), inner),
  });
}

function redirect6({ mark, to }: Scene, speaker: string): Buffer {
  const body = Buffer.concat([
    u32(0),
    addressBytes(ownLink),
    addressBytes(allowed6),
    ndOption(2, macBytes(mallory.mac)),
    ndOption(4, mark.bytes),
  ]);
  const ends = { from: speaker, to: victim6 };
  return ip(own({ mark, to }), { ...ends, protocol: protocols.icmp6, ttl: 255, payload: icmp6(ends, 137, 0, body) });
}

export const linkAttacks: Attack[] = [
  {
    name: 'a MAC that is not its own: another guest’s, the host’s, nobody’s, everybody’s',
    from: 'mallory',
    frames: (scene) =>
      [database.mac, web.mac, '02:ca:15:50:00:01', nobody, broadcast, '01:00:5e:00:00:01'].flatMap((mac) => forbidden(scene, mac)),
    withoutRules: ['database'],
  },
  {
    name: '10,000 MACs',
    from: 'mallory',
    frames: (scene) =>
      Array.from({ length: 5000 }, (_, index) => `52:54:01:00:${hex(index >> 8)}:${hex(index & 255)}`).flatMap((mac) =>
        forbidden(scene, mac),
      ),
    withoutRules: ['database'],
  },
  { name: 'an address with a flow that is another guest’s', from: 'mallory', frames: spoofed, withoutRules: ['database'] },
  {
    name: 'ARP that claims the router’s and a neighbour’s address, asked and unasked',
    from: 'mallory',
    frames: (scene) =>
      [router.v4, victim4, allowed4, '0.0.0.0', '255.255.255.255'].flatMap((address) =>
        [true, false].map((ask) =>
          arp(own(scene), {
            ask,
            sender: [mallory.mac, address],
            target: [ask ? nobody : database.mac, ask ? address : victim4],
            more: scene.mark.bytes,
          }),
        ),
      ),
  },
  {
    name: 'ARP in another’s name: the sender inside differs from the frame’s',
    from: 'mallory',
    frames: (scene) =>
      [true, false].map((ask) =>
        arp(own(scene), { ask, sender: [database.mac, victim4], target: [web.mac, allowed4], more: scene.mark.bytes }),
      ),
  },
  {
    name: 'neighbour discovery that claims the router’s and a neighbour’s address',
    hostListens: true,
    from: 'mallory',
    frames: (scene) =>
      [router.link, router.v6, victim6, allowed6].flatMap((target) => [
        neighbour(scene, 136, ownLink, target, 'ff02::1'),
        neighbour(scene, 136, target, target, 'ff02::1'),
        neighbour(scene, 136, own6, target, victim6),
        neighbour(scene, 135, target, victim6, 'ff02::1:ff00:5'),
        neighbour(scene, 135, '::', target, 'ff02::1:ff00:1'),
      ]),
  },
  {
    name: 'a rogue DHCP server',
    from: 'mallory',
    frames: (scene) => [own4, router.v4, '0.0.0.0'].flatMap((address) => [2, 5, 6].map((type) => dhcpAnswer(scene, type, address))),
  },
  {
    name: 'a rogue DHCPv6 server',
    from: 'mallory',
    frames: (scene) =>
      [ownLink, router.link, own6].flatMap((from) =>
        ['ff02::1', victim6].map((to) =>
          ip(own(scene), {
            from,
            to,
            protocol: protocols.udp,
            payload: udp({ from, to }, { from: 547, to: 546 }, Buffer.concat([Buffer.from([2, 1, 2, 3, 0, 200, 0, 16]), scene.mark.bytes])),
          }),
        ),
      ),
  },
  {
    name: 'a rogue router',
    from: 'mallory',
    frames: (scene) => [ownLink, router.link, own6].map((address) => advertisement(scene, address)),
  },
  {
    name: 'redirects, in its own name and in the router’s',
    from: 'mallory',
    frames: (scene) => [
      ...[own4, router.v4].map((speaker) => redirect4(scene, speaker)),
      ...[ownLink, router.link, own6].map((speaker) => redirect6(scene, speaker)),
    ],
  },
  {
    name: 'VLAN tags: 0, another’s, two, and the provider’s',
    from: 'mallory',
    frames: (scene) =>
      [...forbidden(scene), ...spoofed(scene), advertisement(scene, ownLink)].flatMap((frame) => [
        tagged(frame, { id: 0 }),
        tagged(frame, { id: 1 }),
        tagged(frame, { id: 4095 }),
        tagged(frame, { id: 0xe000 }),
        tagged(frame, { id: 0 }, { id: 0 }),
        tagged(frame, { id: 0 }, { id: 20 }),
        tagged(frame, { id: 20, type: 0x88a8 }, { id: 0 }),
        tagged(frame, { id: 0, type: 0x88a8 }, { id: 0 }),
        tagged(frame, { id: 0, type: 0x9100 }),
      ]),
    withoutRules: ['database'],
  },
  {
    name: 'LLC and SNAP, also behind tags',
    from: 'mallory',
    frames: (scene) =>
      [...forbidden(scene), ...spoofed(scene), advertisement(scene, ownLink)].flatMap((frame) => [
        snapped(frame),
        tagged(snapped(frame), { id: 0 }),
        tagged(snapped(frame), { id: 0 }, { id: 0 }),
        snapped(tagged(frame, { id: 0 })),
        snapped(snapped(frame)),
      ]),
  },
  {
    name: 'types that are neither IP nor ARP',
    from: 'mallory',
    frames: (scene) =>
      // Loopback test, spanning tree and pause, MPLS, PPPoE, EAPOL, LLDP, MACsec, time, TRILL, RARP, jumbo, and two that nobody has.
      [0x9000, 0x0026, 0x8808, 0x8847, 0x8863, 0x8864, 0x888e, 0x88cc, 0x88e5, 0x88f7, 0x22f3, 0x8035, 0x8870, 0x0000, 0xffff].map((type) =>
        ethernet(
          own(scene),
          type,
          Buffer.concat([ip(own(scene), { from: own4, to: victim4, protocol: 17, payload: scene.mark.bytes }).subarray(14)]),
        ),
      ),
  },
];

function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}
