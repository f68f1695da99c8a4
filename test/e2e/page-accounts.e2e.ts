// Accounts in a real browser, in both languages: the first one by the set-up link, signing in and out, security keys, one’s own sessions, what a viewer is
// offered.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { journeysOn, logIn } from '../page/journey.ts';
import { labSite } from '../page/lab-site.ts';
import { openPage, openPageLab, type PageLab } from '../page/page-fixture.ts';
import { addVirtualKey } from '../page/virtual-key.ts';

const password = 'correct horse battery staple';
/** Of the browser, as the page tells it. */
const noAnswer = 'the browser got no answer of a security key: it was not touched in time, or is none of those that may be used';
let lab: PageLab;
const journey = journeysOn(() => lab);

before(async () => {
  lab = await openPageLab(labSite);
});

after(async () => {
  await lab.close();
});

async function forget(...users: string[]): Promise<void> {
  for (const user of users) await lab.client.call('userDelete', { params: { user } });
}

journey(
  'the set-up link makes the first account, which then signs in and out by itself',
  async ({ page, words, said, language }) => {
    const { links } = await lab.client.call('setUpLink', {});
    await page.goto(links[0] ?? '');
    await page.reload();
    await page.getByText(words.setUpIntroduction).waitFor();
    await page.getByLabel(words.userName).fill('anna');
    await page.getByLabel(words.password, { exact: true }).fill('short');
    await page.getByRole('button', { name: words.setUp }).click();
    await page.getByText(said('a password has at least 12 characters, this one has 5: several words are easy to remember')).waitFor();
    await page.getByLabel(words.password, { exact: true }).fill(password);
    await page.getByRole('button', { name: words.setUp }).click();
    await page.getByText(words.allIsWell).waitFor();
    await page.reload();
    await page.getByText(words.allIsWell).waitFor();
    await page.getByRole('button', { name: words.logout }).click();
    await logIn(page, words, { user: 'anna', password: 'wrong password, long enough' });
    await page.getByText(said('no user has this name and password')).waitFor();
    await logIn(page, words, { user: 'anna', password });
    await page.getByText(words.allIsWell).waitFor();

    await page.getByRole('link', { name: words.pages.log }).click();
    await page.locator('tr', { hasText: 'login' }).filter({ hasText: words.results.refused }).first().waitFor();
    await page.getByRole('link', { name: words.pages.settings }).click();
    await page.getByLabel(words.name, { exact: true }).fill(`deploy-${language}`);
    await page.getByRole('button', { name: words.newToken }).click();
    await page.getByText(words.tokenOnce).waitFor();

    await lab.client.call('sessionEnd', { params: { user: 'anna' } });
    // At once, without a click.
    await page.getByText(words.sessionEnded).waitFor();
    // Then nobody has an account any more, and the first can be made again.
    await forget('anna');
  },
  { as: false },
);

journey(
  'a security key is added in the settings, signs in beside the password, and is no key for an address',
  async ({ page, words, said, language }) => {
    await lab.client.call('userAdd', { body: { name: 'kim', password, bindings: [{ role: 'viewer', on: 'site' }] } });
    await page.goto(lab.url.replace('127.0.0.1', 'localhost'));
    const key = await addVirtualKey(page);
    await logIn(page, words, { user: 'kim', password });
    await page.getByRole('link', { name: words.pages.settings }).click();
    const section = page.locator('.section', { hasText: words.securityKeys }).locator('form').last();
    await section.getByLabel(words.currentPassword).fill('wrong words, long enough');
    await section.getByLabel(words.keyName).fill('the blue one');
    await section.getByRole('button', { name: words.addKey }).click();
    // A wrong password there ends no session.
    await page.getByText(said('this is not your password')).waitFor();
    await section.getByLabel(words.currentPassword).fill(password);
    await section.getByRole('button', { name: words.addKey }).click();
    await page.locator('pre.secret').waitFor();
    const codes = (await page.locator('pre.secret').innerText()).split('\n');
    assert.equal(codes.length, 10);
    assert.deepEqual(
      (await lab.client.call('userShow', { params: { user: 'kim' } })).keys.map(({ name, host }) => [name, host]),
      [['the blue one', 'localhost']],
    );

    await page.getByRole('button', { name: words.logout }).click();
    await logIn(page, words, { user: 'kim', password });
    await page.getByRole('button', { name: words.useKey }).click();
    await page.getByRole('button', { name: words.logout }).click();
    // A key that is not there: one says so, and a recovery code goes on.
    await key.remove();
    const other = await addVirtualKey(page);
    await logIn(page, words, { user: 'kim', password });
    await page.getByRole('button', { name: words.useKey }).click();
    await page.getByText(said(noAnswer)).waitFor();
    await page.getByLabel(words.secondFactorCode).fill(codes[0] ?? '');
    await page.getByRole('button', { name: words.login, exact: true }).click();
    await page.getByRole('link', { name: words.pages.settings }).click();
    await section.getByLabel(words.currentPassword).fill(password);
    await section.getByRole('button', { name: `${words.actions.delete} the blue one` }).click();
    await page.getByText(words.secondFactorOff).waitFor();
    await other.remove();

    // By an address browsers make no keys, and the page says why.
    const byAddress = await openPage(lab, { language }, { user: 'kim', password });
    try {
      await byAddress.page.getByRole('link', { name: words.pages.settings }).click();
      await byAddress.page.getByText(words.noKeysHere).waitFor();
      assert.equal(await byAddress.page.getByRole('button', { name: words.addKey }).isDisabled(), true);
    } finally {
      await byAddress.context.close();
    }
    await forget('kim');
  },
  { as: false },
);

journey(
  'one of several sessions is ended, and the others go on',
  async ({ page, words }) => {
    await lab.client.call('userAdd', { body: { name: 'sam', password, bindings: [{ role: 'viewer', on: 'site' }] } });
    await lab.client.call('login', { body: { user: 'sam', password, as: 'token' } });
    await logIn(page, words, { user: 'sam', password });
    await page.getByRole('link', { name: words.pages.settings }).click();
    const sessions = page.getByRole('region', { name: words.sessions }).locator('tbody tr');
    await sessions
      .filter({ hasText: words.thisOne })
      .filter({ hasText: words.browserOn('Chrome', 'Linux') })
      .waitFor();
    await sessions.filter({ hasText: words.commandLine }).getByRole('button').click();
    await sessions.filter({ hasText: words.commandLine }).waitFor({ state: 'detached' });
    assert.equal((await lab.client.call('sessionList', { params: { user: 'sam' } })).items.length, 1);
    await sessions.getByRole('button').click();
    await page.getByText(words.sessionEnded).waitFor();
    await forget('sam');
  },
  { as: false },
);

journey(
  'who may only look is offered nothing else',
  async ({ page, words }) => {
    await lab.client.call('userAdd', { body: { name: 'viewer', password, bindings: [{ role: 'viewer', on: 'zone:internal' }] } });
    await logIn(page, words, { user: 'viewer', password });
    await page.getByRole('link', { name: words.pages.guests }).click();
    await page.locator('tr', { hasText: 'database' }).getByRole('link').click();
    await page.locator('.sentence .state', { hasText: new RegExp(`^${words.states.ready}$`) }).waitFor();
    assert.equal(await page.getByRole('button', { name: words.actions.shutdown, exact: true }).count(), 0);
    assert.equal(await page.getByRole('link', { name: words.pages.log }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'web', exact: true }).count(), 0);
    await forget('viewer');
  },
  { as: false },
);
