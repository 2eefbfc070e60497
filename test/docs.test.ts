// Reference pages that nobody generated again would tell yesterday's truth.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { GENERATED_DOCS } from '../scripts/generated-docs.ts';

it.each(Object.entries(GENERATED_DOCS))('%s is what `npm run docs` makes today', (path, render) => {
  expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(render());
});
