// The clock: about right, and kept right by somebody.
import { type Check, ok, warning } from './check.ts';
import type { DoctorHost } from './host.ts';

const beginning = Date.UTC(2025, 0, 1);
const end = Date.UTC(2100, 0, 1);
const explanation = 'Certificates, tokens, backups and logs go by it, and guests take their time from it.';

export const clock: Check = {
  name: 'clock',
  async run(host) {
    const now = host.clock.now();
    const time = `${new Date(now).toISOString().slice(0, 19)}Z`;
    const mend = 'apt-get install systemd-timesyncd (or chrony), and let it reach a time server';
    if (now < beginning || now > end) return warning(`${time} cannot be`, explanation, `date --utc --set 'YYYY-MM-DD HH:MM'; then ${mend}`);
    const synchronised = await whoSynchronises(host);
    if (synchronised === undefined) return warning(`${time}; nobody keeps it right`, explanation, mend);
    if (!synchronised.yes)
      return warning(
        `${time}; ${synchronised.who} has not reached a time server`,
        explanation,
        'look at its log, and at the firewall (udp/123)',
      );
    return ok(`${time}, kept by ${synchronised.who}`);
  },
};

async function whoSynchronises(host: DoctorHost): Promise<{ who: string; yes: boolean } | undefined> {
  const said = async (argv: [string, ...string[]]) => (await host.run(argv, { timeoutMs: 5000 }).catch(() => undefined))?.stdout;
  const chrony = await said(['chronyc', '-n', 'tracking']);
  if (chrony !== undefined) return { who: 'chrony', yes: /^Leap status\s*: (?!Not synchronised)/m.test(chrony) };
  if (await host.exists('/run/systemd/timesync/synchronized')) return { who: 'systemd-timesyncd', yes: true };
  const systemd = await said(['timedatectl', 'show', '--property=NTP', '--property=NTPSynchronized']);
  if (systemd?.includes('NTPSynchronized=yes')) return { who: 'systemd', yes: true };
  if (systemd?.includes('NTP=yes')) return { who: 'systemd', yes: false };
  const ntpd = await said(['ntpq', '-c', 'rv 0 leap']);
  return ntpd === undefined ? undefined : { who: 'ntpd', yes: /leap=0[012]|leap_(?:none|add|del)/.test(ntpd) };
}
