// Which files are made from the sources, and by what.
import { configurationPage, envExample } from './config-docs.ts';
import { errorsPage } from './error-docs.ts';

export const GENERATED_DOCS: Readonly<Record<string, () => string>> = {
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/errors.md': errorsPage,
  '.env.example': envExample,
};
