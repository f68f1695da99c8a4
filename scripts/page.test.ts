import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { renderPage } from './page.ts';

const mostBytes = 120 * 1024;

test('the first load is small, and consoles and editors are not in it', async () => {
  const files = await renderPage();
  const document = files.get('index.html') ?? '';
  const first = ['index.html', ...[...document.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path ?? '')];
  const bytes = first.reduce((sum, path) => sum + gzipSync(files.get(path) ?? assert.fail(`${path} is named and not made`)).length, 0);
  assert.ok(bytes <= mostBytes, `${bytes} bytes`);
  const program = first.find((path) => path.endsWith('.js')) ?? '';
  assert.doesNotMatch(files.get(program) ?? '', /xterm|safeParse|RFB failure/, 'neither the consoles nor the schemas');
  assert.ok(
    [...files.keys()].some((path) => /guest-console-/.test(path)),
    'the terminal is a file of its own',
  );
  assert.ok(
    [...files].some(([path, content]) => /guest-screen-/.test(path) && content.includes('RFB failure')),
    'and so is the screen',
  );
});

test('nothing is written into the document, and every name but its own says what is in the file', async () => {
  const files = await renderPage();
  assert.doesNotMatch(files.get('index.html') ?? '', /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/i);
  for (const name of files.keys()) if (name !== 'index.html') assert.match(name, /^assets\/[\w-]+-[\w-]{8}\.(?:js|css|svg)$/);
  assert.deepEqual([...(await renderPage()).keys()], [...files.keys()], 'the same sources make the same files');
});
