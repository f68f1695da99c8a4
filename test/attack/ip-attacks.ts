// Attacks within IP: senders that cannot be, routes chosen by the sender, pieces, extension headers, groups, tunnels, forged errors.
import { attackNics } from './attack-lab.ts';
import type { Attack, Scene } from './attack.ts';
import {
  addressBytes,
  type Ends,
  extension,
  fragment,
  icmp,
  icmp6,
  type Ip,
  ip,
  ipPacket,
  ipParts,
  protocols,
  tcp,
  tcpFlags,
  u16,
  u32,
  udp,
} from './frames.ts';
import type { Mark } from './wire.ts';

const { mallory, trudy, database, app, web, dns } = attackNics;
const [own4 = '', own6 = ''] = mallory.addresses;
const [victim4 = '', victim6 = ''] = database.addresses;
const [allowed4 = '', , allowed6 = ''] = web.addresses;
const [app4 = ''] = app.addresses;
const [dns4 = '', dns6 = ''] = dns.addresses;
const router4 = '10.20.0.1';
const router6 = 'fd20:0:a14:5::1';

type Between = Pick<Ip, 'from' | 'to'>;
const four: Between = { from: own4, to: victim4 };
const six: Between = { from: own6, to: victim6 };
const own = ({ to }: Scene): Ends => ({ from: mallory.mac, to });
const ofWeb = ({ to }: Scene): Ends => ({ from: web.mac, to });

function datagram(between: Between, mark: Mark, port = 3306): Ip {
  return { ...between, protocol: protocols.udp, payload: udp(between, { from: 4000, to: port }, mark.bytes) };
}

function segment(between: Between, mark: Mark, port: number, flags: number = tcpFlags.syn): Ip {
  return {
    ...between,
    protocol: protocols.tcp,
    payload: tcp(between, { from: 4000, to: port }, flags, Buffer.concat([Buffer.alloc(4), mark.bytes])),
  };
}

const echo4 = (mark: Mark) => icmp(8, 0, 1, mark.bytes);
const echo6 = (between: Between, mark: Mark) => icmp6(between, 128, 0, Buffer.concat([u32(1), mark.bytes]));

/** Options that name the way: pointer at the first of the addresses. */
const sourceRoute = (type: number, ...way: string[]) =>
  Buffer.concat([Buffer.from([1, type, 3 + 4 * way.length, 4]), ...way.map(addressBytes)]);

/** A routing header of type 0, 2, 3 or 4 with one stop left. */
const routing = (type: number, next: number, rest: Uint8Array, ...way: string[]) =>
  extension(
    next,
    Buffer.concat([Buffer.from([type, way.length, ...(type === 4 ? [way.length - 1, 0, 0, 0] : [0, 0, 0, 0])]), ...way.map(addressBytes)]),
    rest,
  );

/** Errors about a connection that `about` is the first packet of. */
function complaints(ends: Ends, from: string, to: string, about: Uint8Array, mark: Mark): Buffer[] {
  const quoted = Buffer.concat([about, mark.bytes]);
  return from.includes(':')
    ? [
        [1, 4, 0],
        [2, 0, 1280],
        [3, 0, 0],
        [4, 1, 0],
      ].map(([type = 0, code = 0, rest = 0]) =>
        ip(ends, { from, to, protocol: protocols.icmp6, payload: icmp6({ from, to }, type, code, Buffer.concat([u32(rest), quoted])) }),
      )
    : [
        [3, 1, 0],
        [3, 3, 0],
        [3, 4, 552],
        [4, 0, 0],
        [11, 0, 0],
        [12, 0, 0],
      ].map(([type = 0, code = 0, rest = 0]) => ip(ends, { from, to, protocol: protocols.icmp, payload: icmp(type, code, rest, quoted) }));
}

export const ipAttacks: Attack[] = [
  {
    name: 'what no flow allows, of every kind that IP carries',
    from: 'mallory',
    frames: (scene) => [
      ...[22, 3306].flatMap((port) =>
        [four, six, { ...four, to: app4 }, { ...four, to: allowed4 }, { ...six, to: dns6 }].flatMap((between) => [
          ip(own(scene), datagram(between, scene.mark, port)),
          ...[tcpFlags.syn, tcpFlags.ack, tcpFlags.rst, tcpFlags.fin, 0, 63, tcpFlags.syn | tcpFlags.ack].map((flags) =>
            ip(own(scene), segment(between, scene.mark, port, flags)),
          ),
        ]),
      ),
      ...[2, 4, 33, 41, 47, 50, 51, 89, 94, 103, 112, 115, 132, 136, 137, 253, 255].flatMap((protocol) =>
        [four, six].map((between) => ip(own(scene), { ...between, protocol, payload: Buffer.concat([Buffer.alloc(8), scene.mark.bytes]) })),
      ),
      ip(own(scene), { ...four, protocol: protocols.icmp, payload: echo4(scene.mark) }),
      ip(own(scene), { ...six, protocol: protocols.icmp6, payload: echo6(six, scene.mark) }),
      ...[0, 9, 10, 13, 15, 17, 30, 42].map((type) =>
        ip(own(scene), { ...four, protocol: protocols.icmp, payload: icmp(type, 0, 1, scene.mark.bytes) }),
      ),
    ],
    withoutRules: ['database', 'app', 'web', 'dns'],
  },
  {
    name: 'senders that cannot be: loopback, nobody, everybody, a group, the receiver itself',
    from: 'mallory',
    frames: (scene) => [
      ...[
        '127.0.0.1',
        '0.0.0.0',
        '255.255.255.255',
        '224.0.0.1',
        victim4,
        router4,
        '10.20.0.0',
        '10.20.255.255',
        '240.0.0.1',
        '169.254.1.1',
      ].map((from) => ip(own(scene), datagram({ from, to: victim4 }, scene.mark))),
      ...['::1', '::', 'ff02::1', victim6, router6, 'fe80::1', '::ffff:10.20.0.5', '::10.20.0.5', 'fe80::5054:ff:fe00:6'].map((from) =>
        ip(own(scene), datagram({ from, to: victim6 }, scene.mark)),
      ),
    ],
    withoutRules: ['database'],
  },
  {
    name: 'a neighbour’s address in the same zone, and an address that is nobody’s',
    from: 'trudy',
    frames: (scene) =>
      [
        [allowed4, victim4],
        ['192.0.2.77', dns4],
        [allowed6, victim6],
        ['2001:db8:1::77', dns6],
      ].map(([from = '', to = '']) =>
        ip({ from: trudy.mac, to: scene.to }, segment({ from, to }, scene.mark, to === dns4 || to === dns6 ? 53 : 3306)),
      ),
    withoutRules: ['database', 'dns'],
  },
  {
    name: 'routes chosen by the sender, IPv4: loose, strict, recorded, with times',
    from: 'web',
    frames: (scene) => {
      // The last stop allows it, the one before does not know; and the other way about.
      const stops = (options: Buffer, to: string, port: number) =>
        ip(ofWeb(scene), { ...datagram({ from: allowed4, to }, scene.mark, port), options });
      return [131, 137].flatMap((type) => [
        stops(sourceRoute(type, victim4), '169.254.64.1', 53),
        stops(sourceRoute(type, victim4), router4, 53),
        stops(sourceRoute(type, app4), dns4, 53),
        stops(sourceRoute(type, dns4), victim4, 22),
        stops(sourceRoute(type, '10.20.0.1', app4), dns4, 53),
      ]);
    },
  },
  {
    name: 'routes chosen by the sender, IPv6: headers of type 0, 2, 3 and 4',
    from: 'web',
    frames: (scene) =>
      [0, 2, 3, 4].flatMap((type) =>
        ['2001:db8:1::ca15:5', router6, 'fe80::1'].map((stop) => {
          const final = { from: allowed6, to: victim6 };
          const payload = udp(final, { from: 4000, to: 22 }, scene.mark.bytes);
          return ip(ofWeb(scene), {
            from: allowed6,
            to: stop,
            protocol: protocols.routing,
            payload: routing(type, protocols.udp, payload, victim6),
          });
        }),
      ),
  },
  {
    name: 'pieces: the smallest, the middle without the first, out of order',
    from: 'mallory',
    frames: (scene) =>
      [four, six].flatMap((between, index) => {
        const whole = [segment(between, scene.mark, 3306), datagram(between, scene.mark)].map((packet, kind) => ({
          ...packet,
          id: 100 + index * 10 + kind,
        }));
        return whole.flatMap((packet) => [
          ...ipParts(own(scene), packet, 8),
          ...ipParts(own(scene), { ...packet, id: packet.id + 2 }, 16).toReversed(),
          ...ipParts(own(scene), { ...packet, id: packet.id + 4 }, 8).slice(1),
        ]);
      }),
    withoutRules: ['database'],
  },
  {
    name: 'pieces that lie over each other: an allowed port first, another one over it',
    from: 'web',
    frames: (scene) =>
      [
        { from: allowed4, to: victim4 },
        { from: allowed6, to: victim6 },
      ].flatMap((between, index) => {
        const good = tcp(between, { from: 4000, to: 3306 }, tcpFlags.syn, scene.mark.bytes);
        const evil = tcp(between, { from: 4000, to: 22 }, tcpFlags.syn, scene.mark.bytes);
        const piece = (bytes: Uint8Array, offset: number, more: boolean, id: number) =>
          index === 0
            ? ip(ofWeb(scene), { ...between, protocol: protocols.tcp, payload: bytes, id, part: { offset, more } })
            : ip(ofWeb(scene), { ...between, protocol: protocols.fragment, payload: fragment(protocols.tcp, { offset, more, id }, bytes) });
        return [
          [piece(good.subarray(0, 16), 0, true, 200), piece(evil.subarray(0, 16), 0, true, 200), piece(evil.subarray(16), 16, false, 200)],
          [piece(good.subarray(0, 16), 0, true, 201), piece(evil.subarray(8), 8, false, 201)],
          [piece(evil.subarray(8), 8, false, 202), piece(good.subarray(0, 16), 0, true, 202)],
        ].flat();
      }),
  },
  {
    name: 'extension headers before what is not allowed: many, in pieces, unknown, none following',
    from: 'mallory',
    frames: (scene) => {
      const { payload } = segment(six, scene.mark, 3306);
      const pad = Buffer.from([1, 4, 0, 0, 0, 0]);
      const chains: [number, Uint8Array][] = [
        [protocols.hopByHop, extension(protocols.tcp, pad, payload)],
        [protocols.options, extension(protocols.tcp, pad, payload)],
        [
          protocols.options,
          [1, 2, 3, 4, 5, 6, 7].reduce((rest) => extension(protocols.options, pad, rest), extension(protocols.tcp, pad, payload)),
        ],
        [
          protocols.hopByHop,
          extension(
            protocols.options,
            pad,
            extension(protocols.fragment, pad, fragment(protocols.tcp, { offset: 0, more: false, id: 9 }, payload)),
          ),
        ],
        [protocols.fragment, fragment(protocols.tcp, { offset: 0, more: false, id: 10 }, payload)],
        [
          protocols.fragment,
          fragment(protocols.options, { offset: 0, more: false, id: 11 }, extension(protocols.tcp, Buffer.alloc(6 + 8 * 150, 0), payload)),
        ],
        [
          protocols.fragment,
          fragment(
            protocols.fragment,
            { offset: 0, more: false, id: 12 },
            fragment(protocols.tcp, { offset: 0, more: false, id: 13 }, payload),
          ),
        ],
        [protocols.none, scene.mark.bytes],
        [51, extension(protocols.tcp, Buffer.alloc(10), payload)],
        [135, extension(protocols.tcp, pad, payload)],
        [139, extension(protocols.tcp, pad, payload)],
        [140, extension(protocols.tcp, pad, payload)],
        [200, payload],
      ];
      return chains.map(([protocol, payload]) => ip(own(scene), { ...six, protocol, payload }));
    },
    withoutRules: ['database'],
  },
  {
    name: 'groups and everybody: a zone’s last address, names by multicast, joining and leaving',
    from: 'mallory',
    frames: (scene) => [
      ...['255.255.255.255', '10.20.255.255', '10.20.0.0', '192.0.2.255', '224.0.0.1', '224.0.0.251', '239.255.255.250', '232.1.2.3'].map(
        (to) => ip(own(scene), datagram({ from: own4, to }, scene.mark, to.endsWith('251') ? 5353 : 1900)),
      ),
      ...['ff01::1', 'ff02::1', 'ff02::2', 'ff02::fb', 'ff02::1:3', 'ff05::2', 'ff08::1', 'ff0e::1'].map((to) =>
        ip(own(scene), datagram({ from: own6, to }, scene.mark, 5353)),
      ),
      ip(own(scene), { from: own6, to: 'ff02::1', protocol: protocols.icmp6, payload: echo6({ from: own6, to: 'ff02::1' }, scene.mark) }),
      ip(own(scene), { from: own4, to: '224.0.0.1', protocol: protocols.icmp, payload: echo4(scene.mark) }),
      ...[0x11, 0x16, 0x17].map((type) =>
        ip(own(scene), { from: own4, to: '224.0.0.1', ttl: 1, protocol: protocols.igmp, payload: icmp(type, 0, 0, scene.mark.bytes) }),
      ),
      ...[130, 131, 143].map((type) => {
        const ends = { from: 'fe80::5054:ff:fe00:6', to: 'ff02::1' };
        return ip(own(scene), {
          ...ends,
          ttl: 1,
          protocol: protocols.icmp6,
          payload: icmp6(ends, type, 0, Buffer.concat([Buffer.alloc(20), scene.mark.bytes])),
        });
      }),
    ],
  },
  {
    name: 'packets inside packets, for the host to open',
    from: 'mallory',
    frames: (scene) => {
      const inner4 = ipPacket(datagram({ from: allowed4, to: victim4 }, scene.mark));
      const inner6 = ipPacket(datagram({ from: allowed6, to: victim6 }, scene.mark));
      const inFrame = ip({ from: web.mac, to: database.mac }, datagram({ from: allowed4, to: victim4 }, scene.mark));
      return [
        [four.from, router4],
        [six.from, router6],
      ].flatMap(([from = '', to = '']) => [
        ip(own(scene), { from, to, protocol: 4, payload: inner4 }),
        ip(own(scene), { from, to, protocol: 41, payload: inner6 }),
        ip(own(scene), { from, to, protocol: 47, payload: Buffer.concat([u16(0), u16(0x0800), inner4]) }),
        ip(own(scene), {
          from,
          to,
          protocol: 47,
          payload: Buffer.concat([u16(0), u16(0x6558), inFrame]),
        }),
        ...[4789, 8472, 6081, 4500, 3544].map((port) =>
          ip(own(scene), {
            from,
            to,
            protocol: protocols.udp,
            payload: udp({ from, to }, { from: port, to: port }, Buffer.concat([Buffer.from('0800000000000100', 'hex'), inner4])),
          }),
        ),
      ]);
    },
  },
  {
    name: 'errors about connections that are others’',
    from: 'mallory',
    frames: (scene) => [
      ...complaints(
        own(scene),
        own4,
        victim4,
        ipPacket(segment({ from: victim4, to: allowed4 }, scene.mark, 40_000)).subarray(0, 28),
        scene.mark,
      ),
      ...complaints(
        own(scene),
        own6,
        victim6,
        ipPacket(segment({ from: victim6, to: allowed6 }, scene.mark, 40_000)).subarray(0, 48),
        scene.mark,
      ),
    ],
    withoutRules: ['database'],
  },
  {
    name: 'from beyond the uplink: addresses from inside, the host’s, groups, pieces, redirects',
    from: 'world',
    hostListens: true,
    frames: (scene) => {
      const wire = { from: '02:00:00:00:00:99', to: scene.to };
      return [
        ...[allowed4, dns4, app4, '10.20.9.9', '169.254.64.1', '127.0.0.1', '0.0.0.0', '224.0.0.1', victim4].flatMap((from) =>
          [victim4, dns4].map((to) => ip(wire, segment({ from, to }, scene.mark, 3306))),
        ),
        ...[allowed6, 'fd20:0:a14:5::6', router6, '::1', 'ff02::1', victim6].flatMap((from) =>
          [victim6, dns6].map((to) => ip(wire, segment({ from, to }, scene.mark, 3306))),
        ),
        ...['224.0.0.1', '255.255.255.255', '192.0.2.255', '10.20.255.255', router4, '169.254.64.1', '127.0.0.1'].map((to) =>
          ip(wire, datagram({ from: '203.0.113.9', to }, scene.mark, 53)),
        ),
        ...['ff02::1', 'ff05::1', router6, '2001:db8:1::ca15:5', '::1'].map((to) =>
          ip(wire, datagram({ from: '2001:db8:ffff::9', to }, scene.mark, 53)),
        ),
        ...[131, 137].map((type) =>
          ip(wire, { ...datagram({ from: '203.0.113.9', to: allowed4 }, scene.mark, 80), options: sourceRoute(type, victim4) }),
        ),
        ...ipParts(wire, segment({ from: '203.0.113.9', to: victim4 }, scene.mark, 3306), 8),
        ip(wire, {
          from: '192.0.2.1',
          to: allowed4,
          protocol: protocols.icmp,
          payload: icmp(5, 1, addressBytes('192.0.2.99').readUInt32BE(), scene.mark.bytes),
        }),
      ];
    },
    withoutRules: ['database', 'dns'],
  },
];
