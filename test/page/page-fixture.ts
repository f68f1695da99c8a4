// The page in a real browser, against a simulated daemon of this process: what the world does is the test’s to decide.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Client } from '../../src/api/client.ts';
import { createClient } from '../../src/api/client.ts';
import { createNodeTransport } from '../../src/api/node-transport.ts';
import { createSimulatedWorld, type SimulatedDaemon, startSimulatedDaemon } from '../../src/daemon/simulate.ts';
import type { Job } from '../../src/model/job.ts';
import type { Site } from '../../src/model/site.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { renderPage } from '../../scripts/page.ts';

export const token = 'page-test-token-0123456789-abcdefghijkl';

export interface PageLab {
  daemon: SimulatedDaemon;
  /** As the host’s administrator. */
  client: Client;
  url: string;
  /** Where the host’s administrator asks. */
  socketPath: string;
  browser: Browser;
  close(): Promise<void>;
}

const browserPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

/** Throws where there is none. */
export function openBrowser(): Promise<Browser> {
  if (browserPath === undefined) throw new Error('there is no /usr/bin/chromium: apt-get install chromium');
  return chromium.launch({
    executablePath: browserPath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}

/** A daemon with the site applied, and a browser. `memoryMib`: what the host has, where it is not usual. */
export async function openPageLab(site: Site | undefined, { memoryMib = 16_384 } = {}): Promise<PageLab> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-page-'));
  const webRoot = join(folder, 'web');
  for (const [name, content] of await renderPage()) {
    mkdirSync(dirname(join(webRoot, name)), { recursive: true });
    writeFileSync(join(webRoot, name), content);
  }
  const world = createSimulatedWorld();
  Object.assign(world.identity, { name: 'room-1', cpus: 8, memoryMib, reserveMib: 1024 });
  const socketPath = join(folder, 'api.sock');
  const daemon = await startSimulatedDaemon({ world, socketPath, port: 0, token, bootMs: 20, webRoot });
  const url = daemon.urls.find((each) => each.startsWith('http')) ?? '';
  const transport = createNodeTransport({ socketPath });
  const client = createClient(transport);
  if (site) {
    const job = await ended(client, await client.call('siteApply', { body: { site } }));
    if (job.state !== 'succeeded') throw new Error(`the site was not applied: ${job.error?.message}`);
  }
  const browser = await openBrowser();
  return {
    daemon,
    client,
    url,
    socketPath,
    browser,
    async close() {
      await browser.close();
      transport.close();
      await daemon.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function ended(client: Client, job: Job): Promise<Job> {
  let last = job;
  // A stream that is not read in time is cut, as it is for everybody: it is taken up again.
  while (last.state === 'running') for await (const state of client.stream('jobFollow', { params: { job: job.uid } })) last = state as Job;
  return last;
}

export interface Look {
  language?: 'en' | 'fr';
  theme?: 'light' | 'dark';
  width?: number;
  height?: number;
}

export interface Account {
  user: string;
  password: string;
}

export interface OpenPage {
  page: Page;
  context: BrowserContext;
  /** What the browser complained of: errors of the program, refused by the policy, requests to elsewhere. */
  complaints: string[];
  /** Goes to a place of the page, as `#/guests`, and waits until it stands. */
  visit: (hash: string) => Promise<void>;
}

/** By the token of the host, which counts as long as nobody has an account, unless told otherwise; limits are for a machine with much else to do. */
export async function openPage(
  { browser, url, token: shown = token }: Pick<PageLab, 'browser' | 'url'> & { token?: string },
  look: Look = {},
  loggedIn: boolean | Account = true,
): Promise<OpenPage> {
  const { language = 'en', theme = 'light', width = 1440, height = 900 } = look;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    locale: language === 'en' ? 'en-GB' : 'fr-FR',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // Of an answer that is an error, what follows says more.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    // Questions of the page whose answer may be that there is none.
    if (response.status() >= 400 && loggedIn && !['/v1/zones/check', '/v1/audit'].includes(pathname))
      complaints.push(`${response.status()} for ${pathname}`);
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) complaints.push(`a request to ${request.url()}`);
  });
  if (typeof loggedIn === 'object') {
    const answer = await context.request.post(`${url}/v1/login`, { data: loggedIn });
    if (!answer.ok()) throw new Error(`${loggedIn.user} cannot log in: ${await answer.text()}`);
  }
  if (loggedIn === true) await context.addInitScript(`sessionStorage.setItem('caisson-token', ${JSON.stringify(shown)})`);
  await page.goto(`${url}/`);
  await page
    .locator(loggedIn ? 'main .section, main .empty' : 'main form')
    .first()
    .waitFor();
  return {
    page,
    context,
    complaints,
    async visit(hash) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      await page.locator('main h1').first().waitFor();
      await waitFor(`${hash} stands`, async () => (await page.locator('main .waiting').count()) === 0, { timeoutMs: 30_000, everyMs: 50 });
    },
  };
}
