// Accounts as an administrator has them on the page, in both languages: whoever is new gets a link, roles and tokens are given and taken, a command line is
// signed in. And who is at the host is signed in by a link of `caisson ui`.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { runCli } from '../../src/cli/run-cli.ts';
import { waitFor } from '../../src/lib/wait-for.ts';
import { english } from '../../src/web/words/english.ts';
import { french } from '../../src/web/words/french.ts';
import { Terminal } from '../cli/terminal.ts';
import { labSite } from '../page/lab-site.ts';
import { openPage, openPageLab, type PageLab } from '../page/page-fixture.ts';

const password = 'correct horse battery staple';
const admin = { user: 'root', password };
const catalogues = { en: english, fr: french } as const;
let lab: PageLab;

before(async () => {
  lab = await openPageLab(labSite);
  await lab.client.call('userAdd', { body: { name: admin.user, password, bindings: [{ role: 'administrator', on: 'site' }] } });
});
after(async () => {
  await lab.close();
});

function until(what: string, holds: () => Promise<boolean>): Promise<unknown> {
  return waitFor(what, holds, { timeoutMs: 60_000, everyMs: 100 });
}

for (const language of ['en', 'fr'] as const) {
  const words = catalogues[language];
  const name = `anna-${language}`;
  test(`somebody new is made, chooses a password by a link, gets a role, and is taken out again (${language})`, async () => {
    const { page, context, visit, complaints } = await openPage(lab, { language }, admin);
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
      await page.getByRole('heading', { name }).waitFor();
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
      assert.deepEqual(complaints, []);
    } finally {
      await other.context.close();
      await context.close();
    }
  });

  test(`a command line is signed in by the page, which says whose it is; another is refused (${language})`, async () => {
    const home = mkdtempSync(join(tmpdir(), 'caisson-test-login-'));
    const login = () => {
      const terminal = new Terminal({ env: { HOME: home } });
      const ended = runCli(['login', lab.url, '--web', '--as', 'lab'], terminal);
      return { terminal, ended };
    };
    const codeOf = async ({ terminal }: { terminal: Terminal }) => {
      const find = () => /approve the code {2}([A-Z]{4}-[A-Z]{4}) /.exec(terminal.err)?.[1];
      await until('a code is shown', async () => find() !== undefined);
      return find() ?? '';
    };
    const first = login();
    const { page, context, complaints } = await openPage(lab, { language }, false);
    try {
      const code = await codeOf(first);
      await page.goto('about:blank');
      await page.goto(`${lab.url}/#/command/${code}`);
      // Whoever has to log in first comes back to the question.
      await page.getByLabel(words.userName).fill(admin.user);
      await page.getByLabel(words.password).fill(password);
      await page.keyboard.press('Enter');
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
      const own = page.locator('.section', { hasText: words.sessions }).locator('li').filter({ hasText: words.commandLine });
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
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
      rmSync(home, { recursive: true, force: true });
    }
  });

  test(`tokens of others are seen and revoked, with the keyboard (${language})`, async () => {
    await lab.client.call('tokenCreate', { body: { name: `robot-${language}`, bindings: [{ role: 'operator', on: 'guest:web' }] } });
    const { page, context, complaints } = await openPage(lab, { language }, admin);
    try {
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
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
    }
  });
}

test('roles that somebody else has changed meanwhile are not overwritten', async () => {
  await lab.client.call('userAdd', { body: { name: 'berta', bindings: [{ role: 'viewer', on: 'site' }] } });
  const { tag } = await lab.client.see('userShow', { params: { user: 'berta' } });
  await lab.client.call('userSet', { params: { user: 'berta' }, body: { bindings: [{ role: 'auditor', on: 'site' }] } });
  await assert.rejects(
    lab.client.call('userSet', { params: { user: 'berta' }, body: { bindings: [] } }, { seen: tag }),
    /its bindings was changed/,
  );
  const { page, context, visit } = await openPage(lab, {}, admin);
  try {
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
    await page.getByRole('button', { name: `${english.takeAway} auditor` }).click();
    await page.getByText('Somebody else was faster: its bindings was changed').waitFor();
    await page.getByRole('listitem').filter({ hasText: 'operator' }).waitFor();
    await lab.client.call('userDelete', { params: { user: 'berta' } });
  } finally {
    await context.close();
  }
});

test('who is at the host is signed in by “caisson ui”, once; elsewhere nobody is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-test-ui-'));
  try {
    await lab.client.call('userAdd', { body: { name: 'clara', password, bindings: [{ role: 'administrator', on: 'site' }] } });
    // A browser that keeps what it was given.
    const browser = join(folder, 'browser');
    writeFileSync(browser, `#!/bin/sh\ncp "$1" "${folder}/given.html"\n`);
    chmodSync(browser, 0o755);
    const run = async (...args: string[]) => {
      const terminal = new Terminal({ env: { HOME: folder, BROWSER: browser } });
      const code = await runCli(['ui', ...args], terminal);
      return { code, text: terminal.written.map(({ text }) => text).join('') };
    };
    const { code, text } = await run('--url', `unix:${lab.socketPath}`, '--user', 'clara');
    assert.equal(code, 0, text);
    const [link = ''] = text.split('\n');
    assert.match(link, /#\/sign-in\/caisson_signin_/);
    assert.ok(readFileSync(join(folder, 'given.html'), 'utf8').includes(`url=${link}`), 'the browser was given the link in a file');
    const { page, context } = await openPage(lab, {}, false);
    await page.goto('about:blank');
    await page.goto(link);
    await page.getByText('clara', { exact: true }).waitFor();
    await page.getByRole('link', { name: 'Accounts' }).waitFor();
    await context.close();
    const second = await openPage(lab, {}, false);
    await second.page.goto('about:blank');
    await second.page.goto(link);
    await second.page.getByText(/this link was used, is over/).waitFor();
    await second.context.close();
    assert.match((await run('--url', lab.url, '--user', 'clara')).text, /--user is for the host itself/);
    assert.equal((await run('--url', lab.url)).text.split('\n')[0], `${lab.url}/`);
    await lab.client.call('userDelete', { params: { user: 'clara' } });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
