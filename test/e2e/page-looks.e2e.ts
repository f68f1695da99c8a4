// Every page in both themes, both languages, on a telephone and on a desk, each with each: no violation of accessibility, nothing that the browser complains
// of, nothing wider than the screen. Pictures of all of it are left in artefacts/page/.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import type { Words } from '../../src/web/words/words.ts';
import { readers } from '../page/journey.ts';
import { labSite } from '../page/lab-site.ts';
import { englishOf, lookAt, openToLookAt, type Viewport } from '../page/look-at.ts';
import { openPageLab, type PageLab } from '../page/page-fixture.ts';

const places = {
  overview: '#/',
  guests: '#/guests',
  guest: '#/guests/database',
  'guest-screen': '#/guests/database/screen',
  'guest-without-display': '#/guests/web/screen',
  'guest-crashed': '#/guests/mail',
  'guest-events': '#/guests/mail/events',
  'guest-file': '#/guests/web/file',
  'guest-hardware': '#/guests/database/hardware',
  'guest-new': '#/guests/+',
  zones: '#/zones',
  'zones-node': '#/zones?node=web',
  jobs: '#/jobs',
  events: '#/events',
  audit: '#/audit',
  log: '#/log',
  accounts: '#/accounts',
  account: '#/accounts/anna',
  host: '#/host',
  site: '#/site',
  settings: '#/settings',
  'command-code': '#/command',
} as const;

/** What is above a page, or on it only after something was done there. */
const opened: Record<string, { hash: string; open: (page: Page, words: Words) => Promise<void> }> = {
  search: { hash: '#/', open: (page) => page.keyboard.press('/') },
  shortcuts: { hash: '#/', open: (page) => page.keyboard.press('?') },
  'guest-delete': {
    hash: '#/guests/mail',
    open: (page, words) => page.getByRole('button', { name: words.actions.delete, exact: true }).click(),
  },
  'guests-chosen': { hash: '#/guests', open: (page, words) => page.getByLabel(words.chooseAll).check() },
  'zones-may-talk': {
    hash: '#/zones?node=web',
    async open(page) {
      await page.locator('[data-node="database"]').click();
      await page.locator('.decision-open').first().waitFor();
    },
  },
  'guest-file-problems': {
    hash: '#/guests/web/file',
    async open(page, words) {
      await page.getByRole('textbox', { name: words.tabs.file }).fill('web:\n  image: debian-12\n  zone: extrenal\n  memory: 512\n');
      await page.getByRole('button', { name: words.showDifference }).click();
      await page.locator('.problem li').first().waitFor();
    },
  },
  'guest-file-difference': {
    hash: '#/guests/web/file',
    async open(page, words) {
      const text = page.getByRole('textbox', { name: words.tabs.file });
      await text.fill((await text.inputValue()).replace('memory: 1GiB', 'memory: 2GiB').replace('8GiB', '4GiB'));
      await page.getByRole('button', { name: words.showDifference }).click();
      await page.locator('.difference ins').first().waitFor();
    },
  },
  'site-smaller': {
    hash: '#/site',
    async open(page, words) {
      const text = page.getByRole('textbox', { name: words.pages.site });
      await text.fill((await text.inputValue()).replace(/\n  jail:[^]*?\n(?=  \w|$)/, '\n'));
      await page.getByRole('button', { name: words.showDifference }).click();
      await page.getByText(words.prune).check();
      await page.getByRole('button', { name: words.apply }).click();
      await page.getByRole('dialog').waitFor();
    },
  },
};

const viewports: readonly Viewport[] = [
  { language: 'en', width: 1440, height: 900 },
  { language: 'fr', width: 1440, height: 900 },
  { language: 'en', width: 360, height: 740 },
  { language: 'fr', width: 360, height: 740 },
];

/** Where something of what the engine says stays English: addresses of rules, what simulated parts say. */
const partlyEnglish: ReadonlySet<string> = new Set(['audit', 'log', 'zones-may-talk']);

const admin = { user: 'admin', password: 'correct horse battery staple' };
const minuteMs = 60_000;
let lab: PageLab;

before(async () => {
  lab = await openPageLab(labSite);
  const { items } = await lab.client.call('guestList');
  const uidOf = (name: string) => items.find((guest) => guest.name === name)?.uid ?? assert.fail(name);
  lab.daemon.world.host.crash(uidOf('mail'));
  await lab.client.call('userAdd', {
    body: { name: 'anna', fullName: 'Anna Example', bindings: [{ role: 'operator', on: 'zone:external' }] },
  });
  await lab.client.call('userAdd', {
    body: { name: admin.user, password: admin.password, bindings: [{ role: 'administrator', on: 'site' }] },
  });
  await lab.client.call('tokenCreate', { body: { name: 'deploy', bindings: [{ role: 'operator', on: 'guest:web' }] } });
  // A day of figures, with an hour in which nobody looked.
  const now = Date.now();
  const minutes = Array.from({ length: 24 * 60 }, (_, index) => 24 * 60 - index).filter((ago) => ago < 300 || ago > 360);
  await lab.daemon.world.history.add(
    minutes.map((ago) => ({
      uid: uidOf('database'),
      time: Math.floor(now / minuteMs - ago) * minuteMs,
      cpuPermille: Math.round(500 + 350 * Math.sin(ago / 40) + 90 * Math.sin(ago * 1.7)),
      usedMib: Math.round(900 + 300 * Math.sin(ago / 200)),
      costMib: Math.round(1500 + 60 * Math.sin(ago / 90)),
      readKib: Math.round(9000 + 8000 * Math.sin(ago / 17)),
      writtenKib: Math.round(4000 + 3000 * Math.sin(ago * 0.9)),
      receivedKib: Math.round(50_000 + 40_000 * Math.sin(ago / 60)),
      sentKib: Math.round(22_000 + 20_000 * Math.cos(ago / 60)),
    })),
    now,
  );
});

after(async () => {
  await lab.close();
});

for (const viewport of viewports) {
  const { language, width } = viewport;
  const { words } = readers.find((reader) => reader.language === language) ?? assert.fail(language);
  test(`every page is sound at ${width} px, in both themes (${language})`, async () => {
    const look = await openToLookAt(lab, viewport, admin);
    const { page, visit, complaints } = look;
    const wrong: string[] = [];
    const lookHere = async (place: string) => {
      wrong.push(...(await lookAt(look, place, viewport)));
      if (language !== 'fr' || partlyEnglish.has(place)) return;
      for (const text of await englishOf(look)) wrong.push(`${place}: in English: ${text}`);
    };
    try {
      const { code } = await lab.client.call('loginCommandBegin', {
        body: { host: 'a-laptop-with-quite-a-long-name.physics.university.example' },
      });
      for (const [place, hash] of [...Object.entries(places), ['command', `#/command/${code}`] as const]) {
        await visit(hash);
        if (place === 'guest-screen') await page.getByRole('application').waitFor();
        await lookHere(place);
      }
      for (const [place, { hash, open }] of Object.entries(opened)) {
        // What was typed there before is not to be there again.
        await visit('#/settings');
        await visit(hash);
        await open(page, words);
        await lookHere(place);
        if ((await page.getByRole('dialog').count()) > 0) await page.keyboard.press('Escape');
      }
      assert.deepEqual(complaints, []);
      await page.getByRole('button', { name: words.logout }).click();
      await page.locator('main form').first().waitFor();
      await lookHere('login');
      assert.deepEqual(wrong, []);
    } finally {
      await look.context.close();
    }
  });
}

/** What a page says that has nothing to show yet. */
const emptyPlaces: Record<string, { hash: string; says: (words: Words) => string[] }> = {
  overview: { hash: '#/', says: (words) => [words.noSiteYet, words.noSiteYetHelp, words.writeSiteFile] },
  guests: { hash: '#/guests', says: (words) => [words.noGuests, words.noGuestsHelp] },
  'guest-new': { hash: '#/guests/+', says: (words) => [words.noZones, words.noZonesHelp] },
  zones: { hash: '#/zones', says: (words) => [words.noZones, words.noZonesHelp, words.writeSiteFile] },
  jobs: { hash: '#/jobs', says: (words) => [words.noJobs, words.noJobsHelp] },
  events: { hash: '#/events', says: () => [] },
  audit: { hash: '#/audit', says: (words) => [words.noSiteYet, words.noSiteYetHelp] },
  log: { hash: '#/log', says: (words) => [words.noLog, words.noLogHelp] },
  accounts: { hash: '#/accounts', says: (words) => [words.noUsers, words.noUsersHelp, words.noTokens] },
  host: { hash: '#/host', says: (words) => [words.notExamined, words.notExaminedHelp] },
  settings: { hash: '#/settings', says: (words) => [words.noAccount, words.noAccountHelp] },
  command: { hash: '#/command', says: (words) => [words.commandNeedsUser] },
  site: { hash: '#/site', says: (words) => [words.noSiteYetHelp, words.firstSiteFile] },
};

for (const viewport of viewports.filter(({ language, width }) => (language === 'fr') === width < 1000)) {
  const { language, width } = viewport;
  const { words } = readers.find((reader) => reader.language === language) ?? assert.fail(language);
  test(`before there is a site, every page says how one begins, and its example is one, at ${width} px (${language})`, async () => {
    const empty = await openPageLab(undefined);
    try {
      const look = await openToLookAt(empty, viewport, true);
      const { page, visit, complaints } = look;
      const wrong: string[] = [];
      for (const [place, { hash, says }] of Object.entries(emptyPlaces)) {
        await visit(hash);
        for (const text of says(words)) await page.getByText(text, { exact: true }).first().waitFor();
        wrong.push(...(await lookAt(look, `empty-${place}`, viewport)));
        if (language === 'fr') for (const text of await englishOf(look)) wrong.push(`empty ${place}: in English: ${text}`);
      }
      assert.deepEqual(wrong, []);
      await page.getByRole('button', { name: words.showDifference }).click();
      await page.getByRole('button', { name: words.apply, exact: true }).click();
      await visit('#/guests');
      await page.locator('tr', { hasText: 'web' }).waitFor();
      assert.deepEqual(complaints, []);
    } finally {
      await empty.close();
    }
  });
}
