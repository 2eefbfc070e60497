// `npm run docs`: writes everything in docs/reference that is made from the sources. test/docs.test.ts fails when it is stale.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GENERATED_DOCS } from './generated-docs.ts';

for (const [path, render] of Object.entries(GENERATED_DOCS)) {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, render());
}
