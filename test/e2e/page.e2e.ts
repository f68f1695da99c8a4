// The page in a real browser against a simulated site: what somebody comes for is found and done, by pointer and by keyboard, in both
// languages; whatever names and texts say, they stay text.
// e2e: limit 12 min
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { journeysOn, until } from '../page/journey.ts';
import { evil, hostileSite } from '../page/lab-site.ts';
import { ended, openPageLab, type PageLab, token } from '../page/page-fixture.ts';

/** What is made, lost or changed is another one in each language: an apply compares with the file as it was applied last. */
const guestNames = {
  en: { lost: 'jail', made: 'printer', typed: 'dns', elsewhere: 'database' },
  fr: { lost: 'cell', made: 'imprimante', typed: 'stream', elsewhere: 'web' },
} as const;
let lab: PageLab;
const journey = journeysOn(() => lab);

before(async () => {
  const site = hostileSite();
  const { jail } = site.guests;
  // One to be lost in each language.
  if (jail) site.guests['cell'] = { ...structuredClone(jail), nics: [{ zone: 'internal', addresses: ['10.20.0.21'] }] };
  lab = await openPageLab(site);
});

after(async () => {
  await lab.close();
});

async function guest(name: string) {
  return lab.client.call('guestShow', { params: { guest: name } });
}

/** As the site file spells it. */
function inMib(memoryMib: number): string {
  return memoryMib % 1024 === 0 ? `${memoryMib / 1024}GiB` : `${memoryMib}MiB`;
}

journey(
  'a wrong token is refused with what to do, a right one opens the site',
  async ({ page, words }) => {
    await page.getByText(words.loginByToken).click();
    await page.getByLabel(words.token).fill('wrong');
    await page.getByRole('button', { name: words.useToken }).click();
    await page.getByText(words.tokenRefused).waitFor();
    await page.getByLabel(words.token).fill(token);
    await page.keyboard.press('Enter');
    await page.getByText(words.allIsWell).waitFor();
  },
  { as: false },
);

journey('the console of a guest says what it said, and takes what is typed', async ({ page, visit, words, language }) => {
  await visit('#/guests/web/console');
  await page.getByText(words.consoleOpen).waitFor();
  await page.locator('.xterm-rows').getByText('tiny guest: up').waitFor();
  await page.keyboard.type(`hello ${language}`);
  await page.locator('.xterm-rows').getByText(`hello ${language}`).waitFor();
  await page.keyboard.press('Control+Alt+ArrowUp');
  assert.equal(await page.evaluate(`document.activeElement?.textContent`), words.tabs.console);
});

/** Pixels of the screen that are not of the colour of the first. */
const drawnPixels = `(() => {
  const canvas = document.querySelector('.console .screen canvas');
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4) if (data[at] !== data[0] || data[at + 1] !== data[1] || data[at + 2] !== data[2]) count++;
  return count;
})()`;

journey(
  'the screen of a guest is seen, typed in, left and come back to',
  async ({ page, visit, words, complaints }) => {
    const { uid } = await guest('database');
    const { screen: shown } = lab.daemon.world.host.process(uid);
    const before = shown.keys.length;
    const pressed = () => shown.keys.slice(before);
    const untilPressed = (what: string, keys: readonly number[]) =>
      until(what, () => JSON.stringify(pressed()).includes(JSON.stringify(keys).slice(1, -1)));

    await visit('#/guests/database');
    await page.locator('.picture canvas').and(page.locator(':not([width="0"])')).waitFor();
    await page.locator('.tabs').getByText(words.tabs.screen, { exact: true }).click();
    await page.getByText(words.consoleOpen).waitFor();
    await page.locator('.console .screen canvas').waitFor();
    await until('the picture', async () => (await page.evaluate<number>(drawnPixels)) > 1000);
    const first = await page.evaluate<number>(drawnPixels);

    // The canvas has the focus already; what the page would take for a shortcut is the guest’s.
    await page.keyboard.press('g');
    await page.keyboard.press('?');
    await untilPressed('what was typed', [0x67, 0x3f]);
    assert.equal(await page.getByRole('dialog').count(), 0);
    await until('what was typed to be seen', async () => (await page.evaluate<number>(drawnPixels)) > first);

    await page.getByRole('button', { name: /^Ctrl-Alt-/ }).click();
    await untilPressed('the three keys', [0xffe3, 0xffe9, 0xffff]);
    await page.getByLabel(words.otherKeys).selectOption('Alt-F4');
    await page.getByRole('button', { name: words.sendKeys, exact: true }).click();
    await untilPressed('the two keys', [0xffe9, 0xffc1]);

    await page.getByRole('button', { name: words.typeText }).click();
    const dialog = page.getByRole('dialog');
    await dialog.locator('select').selectOption({ index: 0 });
    await dialog.locator('textarea').fill('Hi!漢');
    await dialog.getByText('漢').last().waitFor();
    await dialog.getByRole('button', { name: words.typeIt, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await untilPressed('the text', [0xffe1, 0x48, 0x69, 0xffe1, 0x21]);

    const width = async () => (await page.locator('.console .screen canvas').boundingBox())?.width ?? 0;
    const fitted = await width();
    await page.getByRole('button', { name: words.actualSize }).click();
    await until('its own size', async () => (await width()) === 640 && fitted !== 640);

    const isFull = () => page.evaluate<boolean>(`document.fullscreenElement?.querySelector('.screen canvas') != null`);
    await page.getByRole('button', { name: words.fullScreen }).click();
    await until('the whole screen', isFull);
    await page.locator('.console .screen canvas:focus').waitFor();
    await page.keyboard.press('z');
    await untilPressed('a key in full screen', [0x7a]);
    await page.getByRole('button', { name: words.fullScreen }).click();
    await until('the page again', async () => !(await isFull()));

    await page.locator('.console .screen canvas').focus();
    await page.keyboard.press('Control+Alt+ArrowUp');
    assert.equal(await page.evaluate(`document.activeElement?.textContent`), words.tabs.screen);
    await page.keyboard.press('Tab');
    assert.ok(!pressed().includes(0xff09), 'the guest gets nothing any more');

    assert.deepEqual(complaints, []);
    // The line is cut: it is told, and the way back is one button.
    lab.daemon.world.host.process(uid).screen.close();
    await page.getByText(words.consoleEnded).waitFor();
    await page.getByRole('button', { name: words.reconnect }).click();
    await page.getByText(words.consoleOpen).waitFor();
  },
  { mayComplain: true },
);

journey(
  'a guest without a display says how it gets one, and one that is stopped meanwhile says so',
  async ({ page, visit, words }) => {
    await visit('#/guests/web/screen');
    await page.getByText(words.noDisplay).waitFor();
    await page.getByText('display: vga').waitFor();
    await visit('#/guests/database/screen');
    await page.getByText(words.consoleOpen).waitFor();
    await ended(lab.client, await lab.client.call('guestStop', { params: { guest: 'database' } }));
    await page.getByText(words.noConsole).waitFor();
    await page.locator('.sentence .state', { hasText: words.states.stopped }).waitFor();
    await page.getByRole('button', { name: words.actions.start, exact: true }).click();
    await page.getByText(words.consoleOpen).waitFor();
  },
  { mayComplain: true },
);

journey('who is not ready is seen first, with the reason, and started from there', async ({ page, words, said }) => {
  const { uid } = await guest('mail');
  lab.daemon.world.host.crash(uid);
  const line = page.locator('.needs li', { hasText: 'mail' });
  await line.getByText(words.states.crashed).first().waitFor();
  await line.getByText(said('QEMU ended without a word')).waitFor();
  await line.getByRole('link', { name: 'mail' }).click();
  await page.getByRole('button', { name: words.actions.start, exact: true }).click();
  await page.locator('.sentence .state', { hasText: new RegExp(`^${words.states.ready}$`) }).waitFor();
  await until('it is ready', async () => (await guest('mail')).status.ready);
});

journey('with the keyboard alone: search, palette, pages, table', async ({ page, words }) => {
  const search = page.locator('[role=combobox]:focus');
  await page.keyboard.press('/');
  await search.waitFor();
  await page.keyboard.type('database');
  await page.locator('[role=option][aria-selected=true]', { hasText: 'database' }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'database' }).waitFor();

  await page.keyboard.press('g');
  await page.keyboard.press('z');
  await page.getByRole('heading', { name: words.pages.zones }).waitFor();

  await page.keyboard.press('Control+k');
  await search.waitFor();
  await page.keyboard.type(`${words.actions.shutdown} stream`);
  await page.locator('[role=option][aria-selected=true]', { hasText: words.actionOn(words.actions.shutdown, 'stream') }).waitFor();
  await page.keyboard.press('Enter');
  await until('stream is shut down', async () => (await guest('stream')).status.power === 'stopped');

  await page.keyboard.press('g');
  await page.keyboard.press('g');
  await page.getByRole('heading', { name: words.pages.guests }).waitFor();
  await page.locator('tr[data-row="0"]').focus();
  const second = await page.locator('tr[data-row="1"] a').textContent();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.locator('main h1', { hasText: second ?? '' }).waitFor();

  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await ended(lab.client, await lab.client.call('guestStart', { params: { guest: 'stream' } }));
});

journey('what is chosen in the table is started together', async ({ page, visit, words }) => {
  await ended(lab.client, await lab.client.call('guestStop', { params: { guest: 'stream' } }));
  await visit('#/guests');
  await page.getByLabel(words.choose('stream')).check();
  await page.getByLabel(words.choose('jail')).check();
  await page.getByRole('button', { name: `${words.actions.start} (2)` }).click();
  await until('both run', async () => (await guest('stream')).status.ready && (await guest('jail')).status.ready);
  await ended(lab.client, await lab.client.call('guestStop', { params: { guest: 'jail' } }));
  await page.locator('tr', { hasText: 'jail' }).getByText(words.states.stopped).waitFor();
});

journey(
  'what destroys something says what is lost and wants the name',
  async ({ page, visit, words, language }) => {
    const { lost } = guestNames[language];
    // So that there are disks to be lost.
    for (const verb of ['guestStart', 'guestStop'] as const)
      await ended(lab.client, await lab.client.call(verb, { params: { guest: lost } }));
    await visit(`#/guests/${lost}`);
    await page.getByRole('button', { name: words.actions.delete }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(words.lostByDelete('root')).waitFor();
    await dialog.getByLabel(words.deleteDisks).check();
    await dialog.getByText(words.lostWithDisks('root')).waitFor();
    await dialog.getByText(`caisson guest delete ${lost} --delete-disks`).waitFor();
    assert.equal(await dialog.getByRole('button', { name: words.actions.delete, exact: true }).isDisabled(), true);
    await dialog.getByLabel(words.typeName(lost)).fill(lost.slice(0, -1));
    assert.equal(await dialog.getByRole('button', { name: words.actions.delete, exact: true }).isDisabled(), true);
    await dialog.getByLabel(words.typeName(lost)).fill(lost);
    await dialog.getByRole('button', { name: words.actions.delete, exact: true }).click();
    await page.getByRole('heading', { name: words.pages.guests }).waitFor();
    await page.locator('tr', { hasText: 'web' }).waitFor();
    await page.locator('tr', { hasText: lost }).waitFor({ state: 'detached' });
  },
  { mayComplain: true },
);

journey(
  'a guest is changed by its part of the site file: problems at their lines, then the difference, then applied',
  async ({ page, visit, words }) => {
    const { memoryMib } = (await guest('web')).spec;
    const [from, to] = [inMib(memoryMib), memoryMib - 64];
    await visit('#/guests/web/file');
    const text = page.getByRole('textbox', { name: words.tabs.file });
    const before = await text.inputValue();
    await text.fill(before.replace(`memory: ${from}`, 'memory: plenty'));
    await page.getByRole('button', { name: words.showDifference }).click();
    await page.getByText(words.fileProblems(1)).waitFor();
    await text.fill(before.replace(`memory: ${from}`, `memory: ${to}MiB`));
    await page.getByRole('button', { name: words.showDifference }).click();
    const difference = page.getByRole('region', { name: words.difference });
    await difference.locator('del', { hasText: from }).waitFor();
    await difference.locator('ins', { hasText: `${to}MiB` }).waitFor();
    assert.notEqual((await guest('web')).spec.memoryMib, to, 'nothing has happened yet');
    await page.getByRole('button', { name: words.apply }).click();
    await until('it is applied', async () => (await guest('web')).spec.memoryMib === to);
  },
);

journey(
  'what is typed stays when the site is changed elsewhere, and neither overwrites the other',
  async ({ page, visit, words, language }) => {
    const { typed } = guestNames[language];
    const { memoryMib, cpus } = (await guest(typed)).spec;
    const to = memoryMib + 32;
    await visit(`#/guests/${typed}/file`);
    const text = page.getByRole('textbox', { name: words.tabs.file });
    const before = await text.inputValue();
    await text.fill(before.replace(`memory: ${inMib(memoryMib)}`, `memory: ${inMib(to)}`));
    await ended(lab.client, await lab.client.call('guestSet', { params: { guest: typed }, body: { cpus: cpus + 1 } }));
    await page.getByText(words.changedMeanwhile).waitFor();
    assert.ok((await text.inputValue()).includes(`memory: ${inMib(to)}`));
    await page.getByRole('button', { name: words.showDifference }).click();
    await page.locator('ins', { hasText: inMib(to) }).waitFor();
    await page.getByRole('button', { name: words.apply }).click();
    await until('it is applied', async () => (await guest(typed)).spec.memoryMib === to);
    assert.equal((await guest(typed)).spec.cpus, cpus + 1, 'what was changed elsewhere is kept');
  },
);

journey(
  'a difference that somebody else was faster than is not applied: it is said by what, and shown anew',
  async ({ page, visit, words, language }) => {
    const { memoryMib } = (await guest('mail')).spec;
    const { elsewhere } = guestNames[language];
    const { cpus } = (await guest(elsewhere)).spec;
    const setElsewhere = async (more: number) =>
      ended(lab.client, await lab.client.call('guestSet', { params: { guest: elsewhere }, body: { cpus: cpus + more } }));
    // Neither what was applied last nor what the difference is made of is what it will be then.
    await setElsewhere(1);
    const to = memoryMib + 32;
    await visit('#/guests/mail/file');
    const text = page.getByRole('textbox', { name: words.tabs.file });
    await text.fill((await text.inputValue()).replace(`memory: ${inMib(memoryMib)}`, `memory: ${inMib(to)}`));
    await page.getByRole('button', { name: words.showDifference }).click();
    await page.locator('ins', { hasText: inMib(to) }).waitFor();
    await setElsewhere(2);
    await page.getByRole('button', { name: words.apply }).click();
    await page.getByText(words.changedSince([{ part: `guest ${elsewhere}`, change: 'changed' }])).waitFor();
    assert.equal((await guest('mail')).spec.memoryMib, memoryMib);
    await page.getByRole('button', { name: words.differenceAnew }).click();
    await page.getByRole('button', { name: words.apply }).waitFor();
    assert.equal(await page.locator('.difference .change', { hasText: elsewhere }).count(), 0, 'nobody here wants anything of that one');
    await page.getByRole('button', { name: words.apply }).click();
    await until('it is applied', async () => (await guest('mail')).spec.memoryMib === to);
    assert.equal((await guest(elsewhere)).spec.cpus, cpus + 2, 'what was changed elsewhere is kept');
  },
  { mayComplain: true },
);

journey(
  'a click whose answer was cut off is sent again, and done once',
  async ({ page, visit, words, said }) => {
    await visit('#/guests/mail');
    const known = new Set((await lab.client.call('jobList')).items.map(({ uid }) => uid));
    const keys: (string | undefined)[] = [];
    await page.route('**/v1/guests/*/pause', async (route) => {
      keys.push(route.request().headers()['idempotency-key']);
      if (keys.length > 2) return route.continue();
      // The daemon has got it; the page hears nothing.
      await route.fetch();
      return route.abort('connectionreset');
    });
    await page.getByRole('button', { name: words.actions.pause }).click();
    await page.locator('.sentence .state', { hasText: words.states.paused }).waitFor();
    await until('the page has its answer', () => keys.length === 3);
    await page.locator('.notice', { hasText: `✓ ${said('Pause guest mail')}` }).waitFor();
    assert.equal(new Set(keys).size, 1);
    assert.match(keys[0] ?? '', /^[0-9a-f]{32}$/);
    const { items } = await lab.client.call('jobList');
    assert.equal(items.filter(({ uid, kind }) => !known.has(uid) && kind === 'guest-pause').length, 1);
    await page.getByRole('button', { name: words.actions.resume }).click();
    await page.locator('.sentence .state', { hasText: new RegExp(`^${words.states.ready}$`) }).waitFor();
  },
  { mayComplain: true },
);

journey('events are those of one guest, when it is chosen', async ({ page, visit, words, said }) => {
  const [ready = ''] = said('guest dns is ready after TIME').split('TIME');
  await visit('#/events');
  await page.getByRole('combobox', { name: words.eventsOf }).selectOption({ label: words.onGuest('dns') });
  await page.locator('.events li', { hasText: ready }).first().waitFor();
  await page.locator('.events li', { hasText: 'database' }).first().waitFor({ state: 'detached' });
  await visit('#/guests/dns/events');
  await page.locator('.events li', { hasText: ready }).first().waitFor();
});

journey('the host is examined by a click, and not by looking at the page', async ({ page, visit, words }) => {
  const { doctor } = lab.daemon.world;
  const before = doctor.times;
  await visit('#/host');
  if (before === 0) await page.getByText(words.notExamined).waitFor();
  await page.getByRole('button', { name: words.examine }).click();
  await until('it is examined', () => doctor.times === before + 1);
  const check = page.locator('.checks li', { hasText: 'kvm' });
  await check.getByText('a simulated host has no KVM').waitFor();
  await check.getByText('→ use a host of iron').waitFor();
  await page.getByText(words.examinedAt, { exact: false }).first().waitFor();
  await visit('#/');
  await visit('#/host');
  await check.waitFor();
  assert.equal(doctor.times, before + 1);
});

journey('a disk that runs full is seen on the overview, with how much is left', async ({ page, visit, words, said }) => {
  const { sensors } = lab.daemon.world;
  const before = sensors.space;
  const gib = 1024 ** 3;
  sensors.space = [{ path: '/srv', sizeBytes: 100 * gib, freeBytes: 4 * gib }];
  try {
    await visit('#/host');
    await visit('#/');
    const why =
      'the disk of /srv has 4,096 MiB left of 100.0 GiB: a guest that finds no space is paused; make space there, or give it more';
    await page.locator('.needs li', { hasText: words.about.disk }).getByText(said(why)).waitFor();
    await page.locator('.needs').getByRole('link', { name: words.about.disk, exact: true }).click();
    await page.getByRole('heading', { name: words.diskSpace }).waitFor();
    await page.getByText(words.diskSpaceAt('4\u00a0GiB', '100\u00a0GiB')).waitFor();
  } finally {
    sensors.space = before;
  }
});

journey(
  'images are seen with who uses them; one that is not here is built, one that nobody uses is deleted',
  async ({ page, visit, words, said }) => {
    await visit('#/host');
    const row = page.getByRole('region', { name: words.images }).locator('tr', { hasText: 'debian-13' });
    await row.getByText(words.notHere).waitFor();
    await page.getByRole('region', { name: words.images }).locator('tr', { hasText: 'debian-12' }).getByRole('link').first().waitFor();
    await row.getByRole('button', { name: words.buildImage }).click();
    await page.getByText(said('Build image debian-13')).first().waitFor();
    await row.getByRole('button', { name: words.actions.delete }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText(words.lostWithBuiltInImage).waitFor();
    await dialog.getByLabel(words.typeName('debian-13')).fill('debian-13');
    await dialog.getByRole('button', { name: words.actions.delete, exact: true }).click();
    await row.getByText(words.notHere).waitFor();
  },
);

journey('a new guest is written, looked at and made', async ({ page, visit, words, language }) => {
  const { made } = guestNames[language];
  await visit('#/guests');
  await page.getByRole('link', { name: words.newGuest }).click();
  const text = page.getByRole('textbox', { name: words.newGuest });
  await text.waitFor();
  await text.fill(`${made}:\n  image: debian-12\n  zone: internal\n  memory: 128MiB\n  disks: { root: 4GiB }\n`);
  await page.getByRole('button', { name: words.showDifference }).click();
  await page.getByRole('button', { name: words.apply }).click();
  await page.locator('main h1', { hasText: made }).waitFor();
});

journey('two things are clicked on the map: may they talk, and by which rule', async ({ page, visit, words }) => {
  await visit('#/zones');
  const card = (name: string) => page.locator(`[data-node="${name}"]`);
  await card('web').click();
  await page.getByRole('heading', { name: words.reachedBy }).waitFor();
  assert.match((await card('stream').getAttribute('class')) ?? '', /faded/);
  assert.doesNotMatch((await card('database').getAttribute('class')) ?? '', /faded/);
  await card('database').click();
  await page.getByRole('heading', { name: words.mayTalk('web', 'database') }).waitFor();
  await page.locator('.decision-open').first().waitFor();
  await page.locator('.ways').getByText('web → database: tcp/3306', { exact: true }).waitFor();
  await page.getByRole('button', { name: words.otherWay }).click();
  await page.locator('.decision-refused').first().waitFor();
});

journey('the page follows what happens elsewhere without being asked', async ({ page, visit, words, said }) => {
  await visit('#/guests/dns');
  await ended(lab.client, await lab.client.call('guestPause', { params: { guest: 'dns' } }));
  await page.locator('.sentence .state', { hasText: words.states.paused }).waitFor();
  await page.getByRole('button', { name: words.actions.resume }).waitFor();
  await ended(lab.client, await lab.client.call('guestResume', { params: { guest: 'dns' } }));
  await page.locator('.sentence .state', { hasText: new RegExp(`^${words.states.ready}$`) }).waitFor();
  await visit('#/jobs');
  await page.getByText(said('Resume guest dns')).first().waitFor();
});

journey(
  'names and texts that try to be markup stay text',
  async ({ page, visit, complaints }) => {
    await visit('#/guests/database');
    await page.getByText(evil).first().waitFor();
    await visit('#/zones');
    await page.getByText(evil).first().waitFor();
    await visit(`#/guests/${encodeURIComponent(evil)}`);
    await page.locator('main h1', { hasText: evil }).waitFor();
    for (const hash of ['#/', '#/guests', '#/events', '#/site', '#/audit']) await visit(hash);
    assert.equal(await page.locator('img').count(), 0);
    assert.notEqual(await page.title(), '1337');
    // That one guest is not there, which is what it was asked for.
    assert.deepEqual(
      complaints.filter((text) => !text.startsWith('404 for /v1/guests/')),
      [],
    );
  },
  { mayComplain: true },
);

journey('many jobs at once leave the page its connections', async ({ page, visit, words }) => {
  await visit('#/guests');
  for (const name of ['database', 'dns', 'mail', 'stream', 'web']) await page.getByLabel(words.choose(name)).check();
  const { items } = await lab.client.call('guestList');
  for (const { uid } of items) lab.daemon.world.host.behave(uid, { bootMs: 3000 });
  await page.getByRole('button', { name: `${words.actions.reboot} (5)` }).click();
  await visit('#/host');
  await page.getByText(words.memoryAccount).waitFor();
  await visit('#/jobs');
  await until('all have ended', async () => (await lab.client.call('jobList', { query: { state: 'running' } })).items.length === 0);
  await page.locator('.job .tone-quiet', { hasText: words.jobStates.succeeded }).nth(4).waitFor();
});

journey('before the host is opened every guest is shut down, from its page', async ({ page, visit, words }) => {
  await visit('#/host');
  await page.getByRole('button', { name: words.shutDownAll }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('caisson host shutdown').waitFor();
  await dialog.getByLabel(words.typeName('room-1')).fill('room-1');
  await dialog.getByRole('button', { name: words.shutDownAll, exact: true }).click();
  await until('all are down', async () => (await lab.client.call('guestList')).items.every(({ status }) => status.pid === undefined));
  await page.getByRole('button', { name: words.shutDownAll }).waitFor({ state: 'detached' });
  // The next reader finds them as they were.
  const { site } = await lab.client.call('siteShow');
  await ended(lab.client, await lab.client.call('siteApply', { body: { site } }));
  await page.getByRole('button', { name: words.shutDownAll }).waitFor();
});
