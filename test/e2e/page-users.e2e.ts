// Accounts as an administrator has them on the page, in both languages: whoever is new gets a link, roles and tokens are given and taken, sessions are ended, a
// command line is signed in. And who is at the host is signed in by a link of `caisson ui`.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { Terminal } from '../cli/terminal.ts';
import { journeysOn, logIn, until } from '../page/journey.ts';
import { labSite } from '../page/lab-site.ts';
import { ended, openPage, openPageLab, type PageLab } from '../page/page-fixture.ts';

const password = 'correct horse battery staple';
const admin = { user: 'root', password };
let lab: PageLab;
const journey = journeysOn(() => lab);

before(async () => {
  lab = await openPageLab(labSite);
  await lab.client.call('userAdd', { body: { name: admin.user, password, bindings: [{ role: 'administrator', on: 'site' }] } });
});
after(async () => {
  await lab.close();
});

journey(
  'somebody new is made, chooses a password by a link, gets a role, and is taken out again',
  async ({ page, visit, words, language }) => {
    const name = `anna-${language}`;
    const other = await openPage(lab, { language }, false);
    try {
      await visit('#/accounts');
      await page.getByRole('textbox', { name: words.userName, exact: true }).fill(name);
      await page.getByRole('textbox', { name: words.fullName }).fill('Anna Example');
      await page.getByRole('combobox', { name: words.role, exact: true }).selectOption('operator');
      await page.getByRole('combobox', { name: words.on, exact: true }).selectOption('zone:internal');
      await page.getByRole('button', { name: words.makeUser }).click();
      await page.getByText(words.userMade(name)).waitFor();
      const link = (await page.getByRole('status').locator('code').first().textContent()) ?? '';
      assert.match(link, /#\/password\/caisson_password_/);
      await page.locator('tr', { hasText: name }).getByText(words.userWithoutPassword).waitFor();

      await other.page.goto('about:blank');
      await other.page.goto(link);
      await other.page.getByText(words.choosePasswordMeans).waitFor();
      assert.doesNotMatch(other.page.url(), /caisson_password/, 'the secret is not in the address any more');
      await other.page.getByLabel(words.newPassword).fill('short');
      await other.page.getByRole('button', { name: words.choosePassword }).click();
      await other.page.locator('.problem').waitFor();
      await other.page.getByLabel(words.newPassword).fill(password);
      await other.page.getByRole('button', { name: words.choosePassword }).click();
      await other.page.getByRole('link', { name: words.pages.guests }).waitFor();
      await other.page.getByRole('link', { name: words.pages.guests }).click();
      await other.page.locator('tr', { hasText: 'database' }).waitFor();
      assert.equal(await other.page.locator('tr', { hasText: 'stream' }).count(), 0, 'another zone');
      assert.equal(await other.page.getByRole('link', { name: words.pages.accounts }).count(), 0);
      const again = await openPage(lab, { language }, false);
      await again.page.goto('about:blank');
      await again.page.goto(link);
      await again.page.getByLabel(words.newPassword).fill(password);
      await again.page.getByRole('button', { name: words.choosePassword }).click();
      await again.page.locator('.problem').waitFor();
      await again.context.close();

      await page.locator('tr', { hasText: name }).getByRole('link').click();
      await page.getByRole('heading', { name, exact: true }).waitFor();
      await page.getByRole('combobox', { name: words.role, exact: true }).selectOption('auditor');
      await page.getByRole('button', { name: words.giveRole }).click();
      await page.getByRole('listitem').filter({ hasText: words.roleNames.auditor }).waitFor();
      await page.getByRole('button', { name: `${words.takeAway} ${words.roleNames.operator}` }).click();
      await until('it is taken', async () => {
        const { bindings } = await lab.client.call('userShow', { params: { user: name } });
        return JSON.stringify(bindings) === JSON.stringify([{ role: 'auditor', on: 'site' }]);
      });
      await page.getByRole('button', { name: words.disable, exact: true }).click();
      await page.getByText(words.userDisabled).waitFor();
      await other.page.getByText(words.sessionEnded).waitFor();
      await page.getByRole('button', { name: words.enable, exact: true }).click();
      await page.getByText(words.userEnabled).waitFor();

      await page.getByRole('button', { name: words.actions.delete }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText(words.lostWithUser).waitFor();
      await dialog.getByLabel(words.typeName(name)).fill(name);
      await dialog.getByRole('button', { name: words.actions.delete, exact: true }).click();
      await page.getByRole('heading', { name: words.pages.accounts }).waitFor();
      await page.locator('tr', { hasText: name }).waitFor({ state: 'detached' });
    } finally {
      await other.context.close();
    }
  },
  { as: admin },
);

journey(
  'a command line is signed in by the page, which says whose it is; another is refused',
  async ({ page, words, language }) => {
    const home = mkdtempSync(join(tmpdir(), 'caisson-test-login-'));
    const login = () => {
      const terminal = new Terminal({ env: { HOME: home } });
      const ended = runCli(['login', lab.url, '--web', '--as', 'lab'], terminal);
      return { terminal, ended };
    };
    const codeOf = async ({ terminal }: { terminal: Terminal }) => {
      const find = () => /approve the code {2}([A-Z]{4}-[A-Z]{4}) /.exec(terminal.err)?.[1];
      await until('a code is shown', () => find() !== undefined);
      return find() ?? '';
    };
    const first = login();
    try {
      const code = await codeOf(first);
      await page.goto('about:blank');
      await page.goto(`${lab.url}/#/command/${code}`);
      // Whoever has to log in first comes back to the question.
      await logIn(page, words, admin);
      await page.getByRole('heading', { name: words.signInCommand(hostname().replaceAll(/[^A-Za-z0-9._-]/g, '-'), code) }).waitFor();
      await page.getByText(words.signInCommandMeans(admin.user)).waitFor();
      await page.getByText('127.0.0.1').waitFor();
      assert.equal(await page.getByText(words.fromElsewhere).count(), 0);
      await page.getByRole('button', { name: words.approve, exact: true }).click();
      await page.getByText(words.commandSignedIn).waitFor();
      assert.equal(await first.ended, 0, first.terminal.err);
      assert.match(first.terminal.out, /^root is signed in at /);
      assert.match(first.terminal.err, /no browser was opened: there is no screen here/);
      await page.getByRole('link', { name: words.pages.settings }).click();
      const own = page.getByRole('region', { name: words.sessions }).locator('tbody tr').filter({ hasText: words.commandLine });
      await own.filter({ hasText: 'caisson on ' }).first().waitFor();

      const second = login();
      const other = await codeOf(second);
      await page.goto(`${lab.url}/#/command`);
      await page.getByLabel(words.commandCode).fill('bcdf ghjk');
      await page.getByRole('button', { name: words.goOn }).click();
      await page.locator('.problem').waitFor();
      if (language === 'fr') assert.equal(await page.locator('.problem [lang=en]').count(), 0);
      await page.goto(`${lab.url}/#/command`);
      await page.getByLabel(words.commandCode).fill(other.toLowerCase());
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: words.refuse, exact: true }).click();
      await page.getByText(words.commandRefused).waitFor();
      assert.equal(await second.ended, 1);
      assert.match(second.terminal.err, /who was asked in the browser has refused it/);
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
  { as: false, mayComplain: false },
);

journey(
  'tokens of others are seen and revoked, with the keyboard',
  async ({ page, words, language }) => {
    await lab.client.call('tokenCreate', { body: { name: `robot-${language}`, bindings: [{ role: 'operator', on: 'guest:web' }] } });
    await page.keyboard.press('g');
    await page.keyboard.press('u');
    await page.getByRole('heading', { name: words.pages.accounts }).waitFor();
    await page
      .locator('tr', { hasText: `robot-${language}` })
      .getByText(words.onGuest('web'))
      .waitFor();
    await page.getByRole('button', { name: `${words.revoke} robot-${language}` }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByText(words.lostByRevoke).waitFor();
    await page.getByLabel(words.typeName(`robot-${language}`)).fill(`robot-${language}`);
    await page.keyboard.press('Enter');
    await page.locator('tr', { hasText: `robot-${language}` }).waitFor({ state: 'detached' });
    assert.deepEqual(
      (await lab.client.call('tokenList')).items.filter((token) => token.name === `robot-${language}`),
      [],
    );
  },
  { as: admin },
);

journey(
  'where somebody is signed in is seen by an administrator, who ends one of the sessions, or all',
  async ({ page, visit, words, language }) => {
    const name = `otto-${language}`;
    await lab.client.call('userAdd', { body: { name, password, bindings: [{ role: 'viewer', on: 'site' }] } });
    const live = async () => (await lab.client.call('sessionList', { params: { user: name } })).items;
    const [first, second] = [await openPage(lab, { language }, false), await openPage(lab, { language }, false)];
    try {
      await logIn(first.page, words, { user: name, password });
      await first.page.getByText(words.allIsWell).waitFor();
      const [inFirst] = await live();
      assert.ok(inFirst);
      await logIn(second.page, words, { user: name, password });
      await second.page.getByText(words.allIsWell).waitFor();
      await visit(`#/accounts/${name}`);
      const sessions = page.getByRole('region', { name: words.sessionsOf(name) }).locator('tbody tr');
      await sessions.nth(1).waitFor();
      // Whoever signs in while somebody looks is seen too.
      await lab.client.call('login', { body: { user: name, password, as: 'token' } });
      await sessions.filter({ hasText: words.commandLine }).waitFor();
      const row = sessions.filter({ has: page.getByRole('button', { name: `${words.endSession} ${inFirst.address} ${inFirst.id}` }) });
      await row.getByText(words.browserOn('Chrome', 'Linux')).waitFor();
      await row.getByText('127.0.0.1', { exact: true }).waitFor();
      assert.equal(await row.locator('time').count(), 2, 'since when, and when it was used last');

      await row.getByRole('button').click();
      await row.waitFor({ state: 'detached' });
      await first.page.getByText(words.sessionEnded).waitFor();
      assert.equal((await live()).length, 2);
      await second.page.getByRole('link', { name: words.pages.guests }).click();
      await second.page.locator('tr', { hasText: 'database' }).waitFor();
      await page.getByRole('button', { name: words.endSessions }).click();
      await page.getByText(words.signedInNowhere).waitFor();
      await second.page.getByText(words.sessionEnded).waitFor();
      assert.deepEqual(await live(), []);
    } finally {
      for (const { context } of [first, second]) await context.close();
    }
    await lab.client.call('userDelete', { params: { user: name } });
  },
  { as: admin },
);

journey(
  'roles that somebody else has changed meanwhile are not overwritten',
  async ({ page, visit, words }) => {
    await lab.client.call('userAdd', { body: { name: 'berta', bindings: [{ role: 'viewer', on: 'site' }] } });
    const { tag } = await lab.client.see('userShow', { params: { user: 'berta' } });
    await lab.client.call('userSet', { params: { user: 'berta' }, body: { bindings: [{ role: 'auditor', on: 'site' }] } });
    await assert.rejects(
      lab.client.call('userSet', { params: { user: 'berta' }, body: { bindings: [] } }, { seen: tag }),
      /its bindings was changed/,
    );
    await visit('#/accounts/berta');
    // Another administrator, between what is shown and the click.
    let isFirst = true;
    await page.route('**/v1/users/berta', async (route) => {
      if (isFirst && route.request().method() === 'PATCH') {
        isFirst = false;
        await lab.client.call('userSet', { params: { user: 'berta' }, body: { bindings: [{ role: 'operator', on: 'site' }] } });
      }
      await route.continue();
    });
    await page.getByRole('button', { name: `${words.takeAway} ${words.roleNames.auditor}` }).click();
    await page.getByText(words.changedSince([{ part: 'its bindings', change: 'changed' }])).waitFor();
    await page.getByRole('listitem').filter({ hasText: words.roleNames.operator }).waitFor();
    await lab.client.call('userDelete', { params: { user: 'berta' } });
  },
  { as: admin, mayComplain: true },
);

journey(
  'who is at the host is signed in by “caisson ui”, once; elsewhere nobody is',
  async ({ page, words, said, language }) => {
    const folder = mkdtempSync(join(tmpdir(), 'caisson-test-ui-'));
    const name = `clara-${language}`;
    const second = await openPage(lab, { language }, false);
    try {
      await lab.client.call('userAdd', { body: { name, password, bindings: [{ role: 'administrator', on: 'site' }] } });
      // A browser that keeps what it was given.
      const browser = join(folder, 'browser');
      writeFileSync(browser, `#!/bin/sh\ncp "$1" "${folder}/given.html"\n`);
      chmodSync(browser, 0o755);
      const run = async (...args: string[]) => {
        const terminal = new Terminal({ env: { HOME: folder, BROWSER: browser } });
        const code = await runCli(['ui', ...args], terminal);
        return { code, text: terminal.written.map(({ text }) => text).join('') };
      };
      const { code, text } = await run('--url', `unix:${lab.socketPath}`, '--user', name);
      assert.equal(code, 0, text);
      const [link = ''] = text.split('\n');
      assert.match(link, /#\/sign-in\/caisson_signin_/);
      const given = readFileSync(join(folder, 'given.html'), 'utf8');
      assert.ok(given.includes(`url=${link}`), 'the browser was given the link in a file');
      // As a browser opens it: by the file.
      await page.goto(`data:text/html,${encodeURIComponent(given)}`);
      await page.getByRole('banner').getByText(name, { exact: true }).waitFor();
      await page.getByRole('link', { name: words.pages.accounts }).waitFor();
      assert.doesNotMatch(page.url(), /caisson_signin/);
      await second.page.goto('about:blank');
      await second.page.goto(link);
      const over = 'this link was used, is over, or is not the last one: whoever administers the site can make a new one';
      await second.page.getByText(said(over)).waitFor();
      await second.page.getByRole('button', { name: words.haveAccount }).click();
      await second.page.getByLabel(words.userName).waitFor();
      assert.match((await run('--no-browser', '--url', lab.url, '--user', name)).text, /--user is for the host itself/);
      assert.equal((await run('--no-browser', '--url', lab.url)).text.split('\n')[0], `${lab.url}/`);
      await lab.client.call('userDelete', { params: { user: name } });
    } finally {
      await second.context.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
  { as: false },
);

journey(
  'a role on a guest is told by the guest’s name, in events and in the log; one that is deleted is said to be',
  async ({ page, visit, words, said, language }) => {
    const [name, gone] = [`gerda-${language}`, `lost-${language}`];
    const { site } = await lab.client.call('siteShow');
    const guests = {
      ...site.guests,
      [gone]: {
        ...(site.guests['jail'] ?? assert.fail('no jail')),
        nics: [{ zone: 'internal', addresses: [language === 'fr' ? '10.20.0.31' : '10.20.0.30'] }],
      },
    };
    await ended(lab.client, await lab.client.call('siteApply', { body: { site: { ...site, guests } } }));
    const { uid } = await lab.client.call('guestShow', { params: { guest: gone } });
    await lab.client.call('userAdd', { body: { name, bindings: [{ role: 'viewer', on: 'guest:web' }] } });
    await visit(`#/accounts/${name}`);
    await page.getByRole('combobox', { name: words.role, exact: true }).selectOption('operator');
    await page.getByRole('combobox', { name: words.on, exact: true }).selectOption({ label: words.onGuest(gone) });
    await page.getByRole('button', { name: words.giveRole }).click();
    await page
      .getByRole('listitem')
      .filter({ hasText: words.may(words.roleNames.operator, words.onGuest(gone)) })
      .waitFor();
    await visit('#/events');
    await page.getByText(said(`user ${name} was changed: viewer on guest:web, operator on guest:${gone}`)).waitFor();
    const [logged] = (await lab.client.call('logList', { query: { operation: 'userSet', object: `user/${name}` } })).items;
    assert.deepEqual(
      logged?.parameters?.['bindings'],
      ['guest:web', `guest:${gone}`].map((on, at) => ({ role: at === 0 ? 'viewer' : 'operator', on })),
    );

    await visit(`#/guests/${gone}`);
    await page.getByRole('button', { name: words.actions.delete }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel(words.typeName(gone)).fill(gone);
    await dialog.getByRole('button', { name: words.actions.delete, exact: true }).click();
    await page.getByRole('heading', { name: words.pages.guests }).waitFor();
    await visit('#/log');
    await page.getByText(`guestDelete guest/${gone}`).waitFor();
    await visit(`#/accounts/${name}`);
    await page
      .getByRole('listitem')
      .filter({ hasText: words.may(words.roleNames.operator, words.onDeletedGuest(uid)) })
      .waitFor();
    await page.getByRole('button', { name: `${words.takeAway} ${words.may(words.roleNames.viewer, words.onGuest('web'))}` }).click();
    await visit('#/events');
    await page.getByText(said(`user ${name} was changed: operator on guest:${uid} (deleted)`)).waitFor();
    await lab.client.call('userDelete', { params: { user: name } });
  },
  { as: admin, mayComplain: true },
);
