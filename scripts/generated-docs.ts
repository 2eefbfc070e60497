// Which files are made from the sources, and by what.
import { cliPage } from './cli-docs.ts';
import { configurationPage, envExample } from './config-docs.ts';
import { errorsPage } from './error-docs.ts';
import { restPage } from './rest-docs.ts';

export const GENERATED_DOCS: Readonly<Record<string, () => string>> = {
  'docs/reference/configuration.md': configurationPage,
  'docs/reference/cli.md': cliPage,
  'docs/reference/errors.md': errorsPage,
  'docs/reference/rest.md': restPage,
  '.env.example': envExample,
};
