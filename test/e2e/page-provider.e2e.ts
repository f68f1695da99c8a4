// Signing in by a real provider of identities, in a real browser and both languages: the first time, again, after it has gone, and as a user who was here before.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import type { Page } from 'playwright-core';
import { journeysOn, logIn } from '../page/journey.ts';
import { labSite } from '../page/lab-site.ts';
import { openPage, openPageLab, type PageLab } from '../page/page-fixture.ts';
import { openRealProvider, type RealProvider } from '../page/real-provider.ts';

let lab: PageLab;
let provider: RealProvider;
const journey = journeysOn(() => lab);
const label = 'University';

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
      label,
      scopes: ['profile'],
      userClaim: 'preferred_username',
      groupsClaim: 'groups',
      roles: [{ group: 'staff', role: 'viewer', on: 'site' }],
    },
  });
  provider.groups.set('kim', ['staff']);
  provider.groups.set('sam', ['staff']);
  provider.groups.set('pat', ['staff']);
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

journey(
  'whose group has a role signs in by the provider, sees what it may, and logs out; who has none is told why',
  async ({ page, words, said, language }) => {
    assert.equal((await lab.client.call('identityProviderCheck')).issuer, provider.issuer);
    await page.getByRole('button', { name: words.loginBy(label) }).click();
    await beThere(page, 'kim');
    await page.getByText(words.allIsWell).waitFor();
    assert.equal(new URL(page.url()).search, '');
    const kim = await lab.client.call('userShow', { params: { user: 'kim' } });
    assert.deepEqual(
      [kim.fullName, kim.hasPassword, kim.bindings, kim.identity, kim.providerRoles?.bindings],
      ['kim of the provider', false, [], { issuer: provider.issuer, subject: 'kim' }, [{ role: 'viewer', on: 'site' }]],
    );
    await page.reload();
    await page.getByText(words.allIsWell).waitFor();
    await page.getByRole('button', { name: words.logout }).click();
    const there = await page.getByRole('link', { name: words.logOutThereToo }).getAttribute('href');
    assert.ok(there?.startsWith(`${provider.issuer}/`), there ?? '');
    assert.equal(new URL(there ?? '').searchParams.get('client_id'), provider.clientId);
    const entries = await lab.client.call('logList', { query: { kind: 'login' } });
    assert.ok(entries.items.some(({ actor, parameters }) => actor === 'user:kim' && parameters?.['by'] === 'provider of identities'));
    const stranger = await openPage(lab, { language }, false);
    try {
      await stranger.page.getByRole('button', { name: words.loginBy(label) }).click();
      await beThere(stranger.page, 'eve');
      const why = 'none of your groups there has a role here; an administrator gives one with “caisson oidc set”';
      await stranger.page.getByText(said(`“${label}” knows you, and you are nobody here: ${why}`)).waitFor();
      await stranger.page.reload();
      await stranger.page.getByRole('button', { name: words.loginBy(label) }).waitFor();
    } finally {
      await stranger.context.close();
    }
    await lab.client.call('userDelete', { params: { user: 'kim' } });
  },
  { as: false },
);

journey(
  'a user with a password is not taken over by a name, links the two while signed in, and then comes either way',
  async ({ page, words, said }) => {
    await lab.client.call('userAdd', { body: { name: 'sam', password, bindings: [{ role: 'administrator', on: 'site' }] } });
    await page.getByRole('button', { name: words.loginBy(label) }).click();
    await beThere(page, 'sam');
    const why =
      'there is a user sam already, who is not linked to it; if that is you, sign in with your password and link the two in the settings of the page';
    await page.getByText(said(`“${label}” knows you, and you are nobody here: ${why}`)).waitFor();
    await logIn(page, words, { user: 'sam', password });
    await page.getByRole('link', { name: words.pages.settings }).click();
    await page.getByRole('button', { name: words.linkTo(label) }).click();
    await page.getByText(words.isLinked(label)).waitFor();
    await page.getByRole('button', { name: words.logout }).click();
    await page.getByRole('button', { name: words.loginBy(label) }).click();
    await page.getByRole('link', { name: words.pages.log }).waitFor();
    assert.deepEqual((await lab.client.call('userShow', { params: { user: 'sam' } })).identity, {
      issuer: provider.issuer,
      subject: 'sam',
    });
    await lab.client.call('userDelete', { params: { user: 'sam' } });
  },
  { as: false },
);

journey(
  'who logs out at the provider is logged out here at once, and stays in where they came by a password',
  async ({ page, context, words }) => {
    assert.equal((await lab.client.call('identityProviderCheck')).tellsOfLogouts, true);
    await page.getByRole('button', { name: words.loginBy(label) }).click();
    await beThere(page, 'pat');
    await page.getByText(words.allIsWell).waitFor();
    await lab.client.call('userPassword', { params: { user: 'pat' }, body: { password } });
    await page.getByText(words.sessionEnded).waitFor();
    await lab.client.call('login', { body: { user: 'pat', password, as: 'token' } });
    await page.getByRole('button', { name: words.loginBy(label) }).click();
    await page.getByText(words.allIsWell).waitFor();
    const there = await context.newPage();
    await there.goto(`${provider.issuer}/session/end?client_id=${provider.clientId}`);
    await there.getByRole('button', { name: /Yes, sign me out/ }).click();
    await page.getByText(words.sessionEnded).waitFor();
    const { items: sessions } = await lab.client.call('sessionList', { params: { user: 'pat' } });
    assert.deepEqual(
      sessions.map(({ kind }) => kind),
      ['token'],
    );
    const { items } = await lab.client.call('logList', { query: { operation: 'loginProviderLogout', limit: 1 } });
    assert.deepEqual(
      items.map(({ actor, parameters, outcome }) => [actor, parameters, outcome?.result]),
      [['identity-provider', { users: ['pat'], sessions: 1 }, 'succeeded']],
    );
    await lab.client.call('userDelete', { params: { user: 'pat' } });
  },
  { as: false },
);

journey(
  'an address with an answer that another browser began signs nobody in',
  async ({ page, words, said }) => {
    const begun = await fetch(`${lab.url}/v1/login/provider`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: lab.url },
      body: '{}',
    });
    const { url } = (await begun.json()) as { url: string };
    const state = new URL(url).searchParams.get('state') ?? '';
    await page.goto(`${lab.url}/?code=an-attackers-code&state=${state}`);
    await page.getByText(said('this sign-in was not begun here: begin it once more')).waitFor();
    await page.getByLabel(words.userName).waitFor();
    assert.equal(new URL(page.url()).search, '');
  },
  { as: false },
);

journey(
  'when the provider has gone, the page says so, and a password is enough',
  async ({ page, words, said }) => {
    provider.fallSilent();
    await lab.client.call('userAdd', { body: { name: 'tom', password, bindings: [{ role: 'administrator', on: 'site' }] } });
    await page.getByRole('button', { name: words.loginBy(label) }).click();
    await page.getByText(said(`“${label}” does not answer: try again, or sign in with a password`)).waitFor();
    await logIn(page, words, { user: 'tom', password });
    await page.getByRole('link', { name: words.pages.log }).waitFor();
    await lab.client.call('userDelete', { params: { user: 'tom' } });
  },
  { as: false },
);
