// How long a person waits for the page of a site with 1,000 guests: until it can be used, and at each key of the filter.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import type { Bench } from './figure.ts';
import { openSimulatedSite } from './simulated-site.ts';
import { median } from './statistics.ts';

const guests = 1000;
const rounds = 7;
const pages = {
  'page/overview-of-1000': { hash: '#/', shown: '.blocks a' },
  'page/guests-of-1000': { hash: '#/guests', shown: 'tr[data-row]' },
} as const;

export const bench: Bench = {
  figures: [
    ...Object.keys(pages).map((name) => ({ name, unit: 'ms', goal: { atMost: 1000 } })),
    { name: 'page/filter-key', unit: 'ms', goal: { atMost: 50 } },
  ],
  async run({ isWanted, report, say, signal }) {
    say(`a site of ${guests} guests is applied`);
    const site = await openSimulatedSite(guests, [], { withPage: true });
    let browser: Browser | undefined;
    try {
      const token = readFileSync(join(site.folder, 'api-token'), 'utf8').trim();
      browser = await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
      });
      const at = { browser, url: site.url, token };
      for (const [name, { hash, shown }] of Object.entries(pages)) {
        if (!isWanted(name) || signal.aborted) continue;
        const times: number[] = [];
        const bare: number[] = [];
        for (let round = 0; round < rounds; round++) {
          times.push(await untilShown({ ...at, path: `/${hash}`, shown }));
          bare.push(await untilShown({ ...at, path: '/#/host', shown: 'main h1' }));
        }
        report(name, { value: median(times), baseline: { what: 'the page of the host, which shows no guest', value: median(bare) } });
      }
      if (isWanted('page/filter-key') && !signal.aborted) {
        const { all, one } = await filterKeys(at);
        report('page/filter-key', { value: all, baseline: { what: 'keys that leave one guest', value: one } });
      }
    } finally {
      await browser?.close();
      await site.close();
    }
  },
};

interface At {
  browser: Browser;
  url: string;
  token: string;
}

/** From the start of the navigation, with nothing kept from before, until the frame after the one in which it is shown. */
async function untilShown({ browser, url, token, path, shown }: At & { path: string; shown: string }): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    await context.addInitScript(`
      sessionStorage.setItem('caisson-token', ${JSON.stringify(token)});
      const look = () => {
        if (!document.querySelector(${JSON.stringify(shown)})) return requestAnimationFrame(look);
        requestAnimationFrame(() => setTimeout(() => { window.shownAt = performance.now(); }));
      };
      look();
    `);
    const page = await context.newPage();
    await page.goto(`${url}${path}`);
    const handle = await page.waitForFunction(() => (globalThis as { shownAt?: number }).shownAt, undefined, { timeout: 60_000 });
    return Number(await handle.jsonValue());
  } finally {
    await context.close();
  }
}

/** The 95th percentile from a key to the next frame: of keys that leave many guests, and of keys that leave one. */
async function filterKeys({ browser, url, token }: At): Promise<{ all: number; one: number }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  try {
    await context.addInitScript(`sessionStorage.setItem('caisson-token', ${JSON.stringify(token)})`);
    const page = await context.newPage();
    await page.goto(`${url}/#/guests`);
    await page.locator('tr[data-row="0"]').waitFor({ timeout: 60_000 });
    const type = (words: readonly string[]) =>
      page.evaluate<number>(`(async () => {
        const input = document.querySelector('main input[type=search]');
        const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
        const times = [];
        for (const word of ${JSON.stringify(words)}) {
          const from = performance.now();
          set.call(input, word);
          input.dispatchEvent(new InputEvent('input', { bubbles: true }));
          await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
          times.push(performance.now() - from);
        }
        times.sort((a, b) => a - b);
        return times[Math.ceil(times.length * 0.95) - 1];
      })()`);
    const many = Array.from({ length: 10 }, () => ['g', 'gu', 'guest', 'guest-', 'guest', 'gu', '']).flat();
    const few = Array.from({ length: 10 }, () => ['guest-500', 'guest-50 front', 'guest-501']).flat();
    return { all: await type(many), one: await type(few) };
  } finally {
    await context.close();
  }
}
