// Where the demo lives: nothing of it is shared with a real installation.

/** The demo's side of the uplink in one family. */
export interface World {
  /** The institution's router, as the site file has it; this machine plays it. */
  router: string;
  subnetLength: number;
  /** This machine's address when it has a network of its own in the router's subnet, which must go on working. */
  elsewhere: string;
  /** An address of the external zone's subnet that is nobody's but guests'. */
  sample: string;
}

export const demo = {
  dataDirectory: '/var/lib/caisson-demo',
  /** Who runs the demo, for the next start after a kill. */
  stateFile: '/run/caisson-demo.json',
  siteFile: 'examples/lab/site.yaml',
  netns: 'caisson-demo',
  /** The demo's “world” is this machine, by a veth pair: this end here, `uplink` in the guests' namespace as the site file has it. */
  worldLink: 'csdemo0',
  uplink: 'eth1',
  worlds: [
    { router: '192.0.2.1', subnetLength: 24, elsewhere: '198.51.100.1', sample: '192.0.2.10' },
    { router: '2001:db8:1::1', subnetLength: 64, elsewhere: '2001:db8:ffff::1', sample: '2001:db8:1::10' },
  ] satisfies World[],
  preferredPort: 8470,
} as const;
