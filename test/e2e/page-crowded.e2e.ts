// A site as large as one gets, on a telephone, a tablet, a desk and a wall, in both themes: as sound as a small one. Pictures are left in
// artefacts/page/.
// e2e: limit 20 min
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { crowdedGuests, crowdedSite } from '../page/crowded-site.ts';
import { until } from '../page/journey.ts';
import { englishOf, lookAt, openToLookAt, type Viewport } from '../page/look-at.ts';
import { openPageLab, type PageLab } from '../page/page-fixture.ts';

const longName = Object.keys(crowdedSite.guests).find((name) => name.length > 50) ?? '';
const places: Record<string, string> = {
  overview: '#/',
  guests: '#/guests',
  guest: `#/guests/${longName}`,
  zones: '#/zones',
  'zones-node': `#/zones?node=${longName}`,
  events: '#/events',
  accounts: '#/accounts',
  account: '#/accounts/user-7',
};

/** Of the two languages the one whose words are longer, where there is least room. */
const viewports: readonly Viewport[] = [
  { language: 'fr', width: 360, height: 740 },
  { language: 'fr', width: 820, height: 1180 },
  { language: 'fr', width: 1440, height: 900 },
  { language: 'en', width: 2560, height: 1440 },
];

const admin = { user: 'admin', password: 'correct horse battery staple' };
let lab: PageLab;

before(async () => {
  lab = await openPageLab(crowdedSite, { memoryMib: 4_000_000 });
  const { items } = await lab.client.call('guestList');
  assert.equal(items.length, crowdedGuests);
  for (const { uid } of items.filter(({ status }, index) => status.power === 'running' && index % 37 === 5))
    lab.daemon.world.host.crash(uid);
  await until('they are seen to have crashed', async () =>
    (await lab.client.call('guestList')).items.some(({ status }) => status.power === 'crashed'),
  );
  for (let index = 0; index < 40; index++)
    await lab.client.call('userAdd', {
      body: {
        name: `user-${index}`,
        fullName: index % 5 === 2 ? 'Prof. Dr. Maria Magdalena von und zu Hohenstein-Langenburg' : 'Anna Example',
        bindings: Array.from({ length: 1 + (index % 4) }, (_, at) => ({
          role: at === 0 ? ('operator' as const) : ('viewer' as const),
          on: `guest:${items[index * 7 + at]?.name}`,
        })),
      },
    });
  await lab.client.call('userAdd', {
    body: { name: admin.user, password: admin.password, bindings: [{ role: 'administrator', on: 'site' }] },
  });
});

after(async () => {
  await lab?.close();
});

for (const viewport of viewports) {
  test(`a site of ${crowdedGuests} guests is sound at ${viewport.width} px, in both themes (${viewport.language})`, async () => {
    const opened = await openToLookAt(lab, viewport, admin);
    try {
      const wrong: string[] = [];
      for (const [place, hash] of Object.entries(places)) {
        await opened.visit(hash);
        wrong.push(...(await lookAt(opened, `crowded-${place}`, viewport)));
        if (viewport.language === 'fr') for (const text of await englishOf(opened)) wrong.push(`${place}: in English: ${text}`);
      }
      assert.deepEqual(wrong, []);
      assert.deepEqual(opened.complaints, []);
    } finally {
      await opened.context.close();
    }
  });
}
