// Accounts in a real browser: the first one by the set-up link, signing in and out, what a viewer is offered.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { labSite } from '../page/lab-site.ts';
import { openPage, openPageLab, type PageLab } from '../page/page-fixture.ts';
import { addVirtualKey } from '../page/virtual-key.ts';

let lab: PageLab;

before(async () => {
  lab = await openPageLab(labSite);
});

after(async () => {
  await lab.close();
});

const password = 'correct horse battery staple';

test('the set-up link makes the first account, which then signs in and out by itself', async () => {
  const { links } = await lab.client.call('setUpLink', {});
  const { page, context } = await openPage(lab, {}, false);
  try {
    await page.goto(links[0] ?? '');
    await page.reload();
    await page.getByText('Nobody has an account on this site yet').waitFor();
    await page.getByLabel('User').fill('anna');
    await page.getByLabel('Password').fill('short');
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByText(/at least 12 characters, this one has 5/).waitFor();
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Make the account' }).click();
    await page.getByText('Nothing needs you').waitFor();
    await page.reload();
    await page.getByText('Nothing needs you').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('User').fill('anna');
    await page.getByLabel('Password').fill('wrong password, long enough');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.locator('form .problem').waitFor();
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('Nothing needs you').waitFor();

    await page.getByRole('link', { name: 'Audit log' }).click();
    await page.locator('tr', { hasText: 'login' }).filter({ hasText: 'refused' }).first().waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByLabel('Name', { exact: true }).fill('deploy');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByText('It is not shown again').waitFor();

    await lab.client.call('sessionEnd', { params: { user: 'anna' } });
    // At once, without a click.
    await page.getByText('The session has ended').waitFor();
  } finally {
    await context.close();
  }
});

test('a security key is added in the settings, signs in beside the password, and is no key for an address', async () => {
  await lab.client.call('userAdd', { body: { name: 'kim', password, bindings: [{ role: 'viewer', on: 'site' }] } });
  const byName = { ...lab, url: lab.url.replace('127.0.0.1', 'localhost') };
  const { page, context } = await openPage(byName, {}, false);
  try {
    const key = await addVirtualKey(page);
    const logIn = async () => {
      await page.getByLabel('User').fill('kim');
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Log in' }).click();
    };
    await logIn();
    await page.getByRole('link', { name: 'Settings' }).click();
    const section = page.locator('.section', { hasText: 'Security keys' }).locator('form').last();
    await section.getByLabel('Present password').fill('wrong words, long enough');
    await section.getByLabel('Name of the key').fill('the blue one');
    await section.getByRole('button', { name: 'Add a security key' }).click();
    // A wrong password there ends no session.
    await page.getByText('this is not your password').waitFor();
    await section.getByLabel('Present password').fill(password);
    await section.getByRole('button', { name: 'Add a security key' }).click();
    await page.locator('pre.secret').waitFor();
    const codes = (await page.locator('pre.secret').innerText()).split('\n');
    assert.equal(codes.length, 10);
    assert.deepEqual(
      (await lab.client.call('userShow', { params: { user: 'kim' } })).keys.map(({ name, host }) => [name, host]),
      [['the blue one', 'localhost']],
    );

    await page.getByRole('button', { name: 'Log out' }).click();
    await logIn();
    await page.getByRole('button', { name: 'Use a security key' }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    // A key that is not there: one says so, and a recovery code goes on.
    await key.remove();
    const other = await addVirtualKey(page);
    await logIn();
    await page.getByRole('button', { name: 'Use a security key' }).click();
    await page.getByText('the browser got no answer of a security key').waitFor();
    await page.getByLabel('Code of the authenticator, or a recovery code').fill(codes[0] ?? '');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('link', { name: 'Settings' }).click();
    await section.getByLabel('Present password').fill(password);
    await section.getByRole('button', { name: 'Delete the blue one' }).click();
    await page.getByText('Signing in asks for the password only').waitFor();
    await other.remove();
  } finally {
    await context.close();
  }

  // By an address browsers make no keys, and the page says why.
  const byAddress = await openPage(lab, {}, false);
  try {
    await byAddress.page.getByLabel('User').fill('kim');
    await byAddress.page.getByLabel('Password').fill(password);
    await byAddress.page.keyboard.press('Enter');
    await byAddress.page.getByRole('link', { name: 'Settings' }).click();
    await byAddress.page.getByText('Browsers bind a security key to a name').waitFor();
    assert.equal(await byAddress.page.getByRole('button', { name: 'Add a security key' }).isDisabled(), true);
  } finally {
    await byAddress.context.close();
  }
});

test('one of several sessions is ended, and the others go on', async () => {
  await lab.client.call('userAdd', { body: { name: 'sam', password, bindings: [{ role: 'viewer', on: 'site' }] } });
  await lab.client.call('login', { body: { user: 'sam', password, as: 'token' } });
  const { page, context } = await openPage(lab, {}, false);
  try {
    await page.getByLabel('User').fill('sam');
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Settings' }).click();
    const sessions = page.locator('.section', { hasText: 'Where you are signed in' }).locator('li');
    await sessions.filter({ hasText: 'here' }).filter({ hasText: 'Chrome' }).waitFor();
    await sessions.filter({ hasNotText: 'here' }).getByRole('button').click();
    await sessions.filter({ hasNotText: 'here' }).waitFor({ state: 'detached' });
    assert.equal((await lab.client.call('sessionList', { params: { user: 'sam' } })).items.length, 1);
    await sessions.getByRole('button').click();
    await page.getByText('The session has ended').waitFor();
  } finally {
    await context.close();
  }
});

test('who may only look is offered nothing else', async () => {
  await lab.client.call('userAdd', { body: { name: 'viewer', password, bindings: [{ role: 'viewer', on: 'zone:internal' }] } });
  const { page, context } = await openPage(lab, {}, false);
  try {
    await page.getByLabel('User').fill('viewer');
    await page.getByLabel('Password').fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Guests' }).click();
    await page.locator('tr', { hasText: 'database' }).getByRole('link').click();
    await page.locator('.sentence .state', { hasText: /^ready$/ }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Shut down' }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'Audit log' }).count(), 0);
    assert.equal(await page.getByRole('link', { name: 'web', exact: true }).count(), 0);
  } finally {
    await context.close();
  }
});
