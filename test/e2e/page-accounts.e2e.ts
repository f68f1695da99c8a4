// Accounts in a real browser: the first one by the set-up link, signing in and out, what a viewer is offered.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { labSite } from '../page/lab-site.ts';
import { openPage, openPageLab, type PageLab } from '../page/page-fixture.ts';

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
    await page.getByLabel('Name').fill('deploy');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByText('It is not shown again').waitFor();

    await lab.client.call('sessionEnd', { params: { user: 'anna' } });
    // At once, without a click.
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
