// Makes an image from a recipe: packages into a tree, the tree into a root file system, that into a disk that boots by itself.
import { chmod, mkdir, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError } from '../../lib/errors.ts';
import { run } from '../../lib/exec.ts';
import type { BuiltImage, ImageRecipe } from '../../model/image-recipe.ts';
import { runBootstrap } from './bootstrap.ts';
import { writeBootDisk } from './boot-disk.ts';
import { baseFiles, basePackages, enabledUnits, maskedUnits, withoutGenerators } from './debian-base.ts';
import { planDisk } from './disk-layout.ts';
import { finishScript } from './finish-script.ts';
import { digestManifest, renderManifest } from './manifest.ts';
import { deriveUuid, digestRecipe } from './recipe-digest.ts';

export interface BuildOptions {
  recipe: ImageRecipe;
  outPath: string;
  /** A folder of this build's own, made here and removed at the end; on a disk with room for the image twice. */
  workFolder: string;
  /** Debian packages downloaded before, shared by builds. */
  packageCache?: string;
  onProgress: (progress: { step: string; fraction: number }) => void;
  /** Where the list of files is written too, for comparing two builds. */
  manifestPath?: string;
  signal?: AbortSignal;
}

/** Time stamped on everything that would otherwise carry the time of the build: 2024-01-01. */
const epoch = '1704067200';

/** How far a build is at each step, by what a build of the base system takes. */
const fractions: [RegExp, number][] = [
  [/^downloading/, 0.05],
  [/^extracting/, 0.2],
  [/^installing essential/, 0.3],
  [/^installing remaining/, 0.4],
  [/^putting files/, 0.75],
  [/^making the initial/, 0.78],
  [/^removing/, 0.82],
  [/^writing the root/, 0.85],
  [/^making it boot/, 0.92],
  [/^converting/, 0.95],
];

export async function buildImage(options: BuildOptions): Promise<BuiltImage> {
  const { recipe, workFolder } = options;
  const digest = digestRecipe(recipe);
  const uuids = {
    disk: deriveUuid(digest, 'disk'),
    biosBoot: deriveUuid(digest, 'bios-boot'),
    efi: deriveUuid(digest, 'efi'),
    root: deriveUuid(digest, 'root'),
  };
  const layout = planDisk(recipe.sizeMib);
  let fraction = 0;
  const onStep = (step: string) => {
    fraction = fractions.find(([pattern]) => pattern.test(step))?.[1] ?? fraction;
    options.onProgress({ step, fraction });
  };
  const limits = options.signal ? { signal: options.signal } : {};
  try {
    onStep('preparing');
    const disk = await prepareFolder(recipe, workFolder, uuids.root, layout.diskBytes);
    await runBootstrap({
      suite: recipe.suite,
      packages: basePackages(recipe),
      buildFolder: workFolder,
      ...(options.packageCache ? { packageCache: options.packageCache } : {}),
      env: {
        SOURCE_DATE_EPOCH: epoch,
        ROOT_UUID: uuids.root,
        ROOT_OFFSET: String(layout.root.offset),
        ROOT_BLOCKS: String(layout.root.size / 4096),
      },
      onStep,
      ...limits,
    });
    onStep('making it boot');
    await writeBootDisk({ disk, layout, workFolder, uuids, ...limits });
    onStep('converting to qcow2');
    await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2', '-o', 'compat=1.1', disk, options.outPath], {
      timeoutMs: 600_000,
      ...limits,
    });
    const manifest = renderManifest(
      await readFile(join(workFolder, 'out/entries'), 'utf8'),
      await readFile(join(workFolder, 'out/digests'), 'utf8'),
    );
    if (options.manifestPath) await writeFile(options.manifestPath, manifest.map((line) => `${line}\n`).join(''));
    const packages = (await readFile(join(workFolder, 'out/packages'), 'utf8')).split('\n').filter((line) => line !== '');
    const { size } = await stat(options.outPath);
    return { path: options.outPath, packages, manifestSha256: digestManifest(manifest), sizeBytes: size };
  } catch (error) {
    await rm(options.outPath, { force: true });
    throw error;
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

/** Lays out what the finish script reads; returns the path of the empty disk that it writes into. */
async function prepareFolder(recipe: ImageRecipe, folder: string, rootUuid: string, diskBytes: number): Promise<string> {
  try {
    await mkdir(folder, { mode: 0o711 });
  } catch (cause) {
    throw new CaissonError('failed', `the work folder ${folder} cannot be made (it must not exist yet)`, { cause });
  }
  await chmod(folder, 0o711); // whatever the umask: root of the build's namespace is another user here
  const out = join(folder, 'out');
  await mkdir(out);
  await chmod(out, 0o777);
  const disk = join(out, 'disk.raw');
  const file = await open(disk, 'w');
  await file.truncate(diskBytes);
  await file.chmod(0o666);
  await file.close();
  await writeFile(join(folder, 'finish'), finishScript);
  await writeFile(join(folder, 'units-enable'), `${enabledUnits(recipe).join('\n')}\n`);
  await writeFile(
    join(folder, 'units-mask'),
    maskedUnits(recipe)
      .map((unit) => `${unit}\n`)
      .join(''),
  );
  await writeFile(
    join(folder, 'generators-mask'),
    withoutGenerators(recipe)
      .map((name) => `${name}\n`)
      .join(''),
  );
  await mkdir(join(folder, 'run'));
  for (const [index, command] of recipe.run.entries()) {
    await writeFile(join(folder, 'run', String(index).padStart(4, '0')), command);
  }
  await packFiles({ ...baseFiles(recipe, rootUuid), ...recipe.files }, folder);
  for (const name of ['finish', 'units-enable', 'units-mask', 'generators-mask', 'files.tar']) await chmod(join(folder, name), 0o644);
  await chmod(join(folder, 'run'), 0o755);
  return disk;
}

/** An archive carries modes and owners through the namespace, where our user's own files cannot. */
async function packFiles(files: ImageRecipe['files'], folder: string): Promise<void> {
  const tree = join(folder, 'files');
  const names: string[] = [];
  for (const [path, file] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), file.base64 === undefined ? (file.text ?? '') : Buffer.from(file.base64, 'base64'));
    await chmod(join(tree, path), Number.parseInt(file.mode, 8));
    names.push(path.slice(1));
  }
  await writeFile(
    join(folder, 'names'),
    names
      .toSorted()
      .map((name) => `${name}\0`)
      .join(''),
  );
  const options = ['--owner=0', '--group=0', '--numeric-owner', `--mtime=@${epoch}`, '--format=pax', '--no-recursion'];
  const archive = join(folder, 'files.tar');
  await run([
    'tar',
    '--create',
    '--file',
    archive,
    '--directory',
    tree,
    ...options,
    '--null',
    '--verbatim-files-from',
    '--files-from',
    join(folder, 'names'),
  ]);
}
