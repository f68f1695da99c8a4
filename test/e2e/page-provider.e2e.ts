// Signing in by a real provider of identities, in a real browser: the first time, again, after it has gone, and as a user who was here before.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Page } from 'playwright-core';
import { labSite } from '../page/lab-site.ts';
import { openPage, openPageLab, type PageLab } from '../page/page-fixture.ts';
import { openRealProvider, type RealProvider } from '../page/real-provider.ts';

let lab: PageLab;
let provider: RealProvider;

const password = 'correct horse battery staple';

before(async () => {
  lab = await openPageLab(labSite);
  provider = await openRealProvider(`${lab.url}/`);
  const { issuer, clientId, clientSecret } = provider;
  await lab.client.call('identityProviderSet', {
    body: {
      issuer,
      clientId,
      clientSecret,
      label: 'University',
      scopes: ['profile'],
      userClaim: 'preferred_username',
      groupsClaim: 'groups',
      roles: [{ group: 'staff', role: 'viewer', on: 'site' }],
    },
  });
  provider.groups.set('kim', ['staff']);
  provider.groups.set('sam', ['staff']);
});

after(async () => {
  await provider.close();
  await lab.close();
});

/** At the provider’s own pages. */
async function beThere(page: Page, name: string): Promise<void> {
  await page.getByPlaceholder('Enter any login').fill(name);
  await page.getByPlaceholder('and password').fill('any');
  await page.getByRole('button', { name: 'Sign-in' }).click();
  await page.getByRole('button', { name: 'Continue' }).click();
}

test('whose group has a role signs in by the provider, sees what it may, and logs out; who has none is told why', async () => {
  assert.equal((await lab.client.call('identityProviderCheck')).issuer, provider.issuer);
  const { page, context } = await openPage(lab, {}, false);
  try {
    await page.getByRole('button', { name: 'Log in by University' }).click();
    await beThere(page, 'kim');
    await page.getByText('Nothing needs you').waitFor();
    assert.equal(new URL(page.url()).search, '');
    const kim = await lab.client.call('userShow', { params: { user: 'kim' } });
    assert.deepEqual(
      [kim.fullName, kim.hasPassword, kim.bindings, kim.identity, kim.providerRoles?.bindings],
      ['kim of the provider', false, [], { issuer: provider.issuer, subject: 'kim' }, [{ role: 'viewer', on: 'site' }]],
    );
    await page.reload();
    await page.getByText('Nothing needs you').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    const there = await page.getByRole('link', { name: 'Log out where you came from, too' }).getAttribute('href');
    assert.ok(there?.startsWith(`${provider.issuer}/`), there ?? '');
    assert.equal(new URL(there ?? '').searchParams.get('client_id'), provider.clientId);
    const entries = await lab.client.call('logList', { query: { kind: 'login' } });
    assert.ok(entries.items.some(({ actor, parameters }) => actor === 'user:kim' && parameters?.['by'] === 'provider of identities'));
  } finally {
    await context.close();
  }
  const stranger = await openPage(lab, {}, false);
  try {
    await stranger.page.getByRole('button', { name: 'Log in by University' }).click();
    await beThere(stranger.page, 'eve');
    await stranger.page.getByText('none of your groups there has a role here').waitFor();
    await stranger.page.reload();
    await stranger.page.getByRole('button', { name: 'Log in by University' }).waitFor();
  } finally {
    await stranger.context.close();
  }
});

test('a user with a password is not taken over by a name, links the two while signed in, and then comes either way', async () => {
  await lab.client.call('userAdd', { body: { name: 'sam', password, bindings: [{ role: 'administrator', on: 'site' }] } });
  const { page, context } = await openPage(lab, {}, false);
  try {
    await page.getByRole('button', { name: 'Log in by University' }).click();
    await beThere(page, 'sam');
    await page.getByText('there is a user sam already, who is not linked to it').waitFor();
    await page.getByLabel('User').fill('sam');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('button', { name: 'Link with University' }).click();
    await page.getByText('You can log in by University too').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('button', { name: 'Log in by University' }).click();
    await page.getByRole('link', { name: 'Audit log' }).waitFor();
    assert.deepEqual((await lab.client.call('userShow', { params: { user: 'sam' } })).identity, {
      issuer: provider.issuer,
      subject: 'sam',
    });
  } finally {
    await context.close();
  }
});

test('an address with an answer that another browser began signs nobody in', async () => {
  const begun = await fetch(`${lab.url}/v1/login/provider`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: lab.url },
    body: '{}',
  });
  const { url } = (await begun.json()) as { url: string };
  const state = new URL(url).searchParams.get('state') ?? '';
  const { page, context } = await openPage(lab, {}, false);
  try {
    await page.goto(`${lab.url}/?code=an-attackers-code&state=${state}`);
    await page.getByText('this sign-in was not begun here').waitFor();
    await page.getByLabel('User').waitFor();
    assert.equal(new URL(page.url()).search, '');
  } finally {
    await context.close();
  }
});

test('when the provider has gone, the page says so, and a password is enough', async () => {
  await provider.close();
  const { page, context } = await openPage(lab, {}, false);
  try {
    await page.getByRole('button', { name: 'Log in by University' }).click();
    await page.getByText('“University” does not answer').waitFor();
    await page.getByLabel('User').fill('sam');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Log in', exact: true }).click();
    await page.getByRole('link', { name: 'Audit log' }).waitFor();
  } finally {
    await context.close();
  }
});
