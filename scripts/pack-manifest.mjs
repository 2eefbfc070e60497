// What is published differs from the repository in one way: it brings no Node of its own (a large download is no first
// impression) and has nothing to build. npm packs the package.json on disk, so it is exchanged while packing and put back after.
// Usage: node scripts/pack-manifest.mjs strip|restore
import { existsSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const manifest = fileURLToPath(new URL('../package.json', import.meta.url));
const cache = fileURLToPath(new URL('../.cache/', import.meta.url));
const kept = `${cache}package.json.before-pack`;

function stripped(text) {
  const { devDependencies: _dev, optionalDependencies: _optional, scripts: _scripts, ...published } = JSON.parse(text);
  return `${JSON.stringify(published, null, 2)}\n`;
}

/** Written beside and renamed, so that nobody ever reads half of it. */
function replaceManifest(text) {
  writeFileSync(`${manifest}.new`, text);
  renameSync(`${manifest}.new`, manifest);
}

function restore() {
  if (!existsSync(kept)) return;
  const original = readFileSync(kept, 'utf8');
  const now = readFileSync(manifest, 'utf8');
  if (now !== original && now !== stripped(original))
    throw new Error(`package.json changed while it was being packed; what it was before is in ${kept}`);
  replaceManifest(original);
  unlinkSync(kept);
}

if (process.argv[2] === 'strip') {
  restore(); // after a packing that was cut off
  const original = readFileSync(manifest, 'utf8');
  mkdirSync(cache, { recursive: true });
  writeFileSync(kept, original);
  replaceManifest(stripped(original));
} else if (process.argv[2] === 'restore') {
  restore();
} else {
  console.error('Usage: node scripts/pack-manifest.mjs strip|restore');
  process.exitCode = 2;
}
