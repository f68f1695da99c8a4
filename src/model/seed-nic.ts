// One nic as the seed tells a guest of it: planned from the site, written by the driver.

/** What the seed says about one nic: everything fixed, nothing asked for. */
export interface SeedNic {
  mac: string;
  dhcp4: boolean;
  acceptRa: boolean;
  /** With prefix length. */
  addresses: string[];
  /** Without `via`: on the wire itself. With `table`: only for what a rule sends there. */
  routes: { to: string; via?: string; onLink: boolean; table?: number }[];
  /** What is said from an address is routed by a table of its own. */
  rules: { from: string; table: number }[];
  nameServers: string[];
  searchDomains: string[];
}
