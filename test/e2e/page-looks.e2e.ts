// Every page in both themes, both languages, on a telephone and on a desk, each with each: pictures. In one theme of each: no violation of accessibility, nothing that the browser
// complains of, nothing wider than the screen. Pictures of all of it are left in artefacts/page/.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import axe from 'axe-core';
import { projectRoot } from '../../scripts/project.ts';
import { labSite } from '../page/lab-site.ts';
import { type Look, openPage, openPageLab, type PageLab } from '../page/page-fixture.ts';

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

const looks: readonly Required<Look>[] = [
  { language: 'en', theme: 'light', width: 1440, height: 900 },
  { language: 'fr', theme: 'dark', width: 1440, height: 900 },
  { language: 'fr', theme: 'light', width: 360, height: 740 },
  { language: 'en', theme: 'dark', width: 360, height: 740 },
];

/** Where all that the engine says of this site is known in French. */
const inFrench: ReadonlySet<string> = new Set(['overview', 'guests', 'guest', 'guest-crashed', 'guest-events', 'jobs', 'events', 'host']);

interface Violation {
  id: string;
  help: string;
  nodes: { html: string }[];
}

const pictures = join(projectRoot, 'artefacts/page');
const admin = { user: 'admin', password: 'correct horse battery staple' };
const minuteMs = 60_000;
let lab: PageLab;

before(async () => {
  mkdirSync(pictures, { recursive: true });
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

for (const look of looks) {
  const other = look.theme === 'light' ? 'dark' : 'light';
  test(`every page is sound at ${look.width} px, ${look.theme}, ${look.language}`, async () => {
    const { page, context, complaints, visit } = await openPage(lab, look, admin);
    try {
      const wrong: string[] = [];
      const { code } = await lab.client.call('loginCommandBegin', {
        body: { host: 'a-laptop-with-quite-a-long-name.physics.university.example' },
      });
      for (const [place, hash] of [...Object.entries(places), ['command', `#/command/${code}`] as const]) {
        await visit(hash);
        if (place === 'guest-screen') await page.getByRole('application').waitFor();
        for (const theme of [other, look.theme] as const) {
          await page.emulateMedia({ colorScheme: theme });
          await page.screenshot({ path: join(pictures, `${place}-${look.width}-${theme}-${look.language}.png`) });
        }
        if (look.language === 'fr' && inFrench.has(place)) {
          const english = await page.evaluate<string[]>(
            `[...document.querySelectorAll('main [lang=en]')].map((element) => element.textContent)`,
          );
          for (const text of english) wrong.push(`${place}: in English: ${text}`);
        }
        await page.evaluate(axe.source);
        const violations = await page.evaluate<Violation[]>(
          `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then(({ violations }) => violations)`,
        );
        for (const { id, help, nodes } of violations) wrong.push(`${place}: ${id}: ${help}: ${nodes[0]?.html}`);
        const wide = await page.evaluate<number>(`document.documentElement.scrollWidth - document.documentElement.clientWidth`);
        if (wide > 0) wrong.push(`${place}: ${wide} px wider than the screen`);
      }
      assert.deepEqual(wrong, []);
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
    }
  });
}

test('before there is a site, the page says how one begins', async () => {
  const empty = await openPageLab(undefined);
  try {
    const { page, complaints, visit } = await openPage(empty);
    await page.getByText('There is no site yet').waitFor();
    await page.screenshot({ path: join(pictures, 'empty.png') });
    for (const hash of ['#/guests', '#/zones', '#/jobs', '#/site', '#/host']) await visit(hash);
    assert.deepEqual(complaints, []);
  } finally {
    await empty.close();
  }
});
