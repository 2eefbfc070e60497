import { expect, it } from 'vitest';
import { secretsInArguments } from './secret-arguments.ts';

it.each([
  ['a value behind its name', ['--api-key', 'k1'], ['k1']],
  ['a value after an equals sign', ['--github_token=k1'], ['k1']],
  ['a variable for a container', ['run', '-e', 'API_KEY=k1', 'image'], ['k1']],
  ['a header', ['--header', 'Authorization: Bearer k1'], ['Bearer k1', 'k1']],
  ['the password of an address', ['postgresql://ann:p%40ss@db/x'], ['p%40ss', 'p@ss']],
  ['a name alone', ['--token', '--verbose'], []],
  ['words, paths, packages and addresses', ['-y', 'mcp-server-everything', '--port=3000', 'C:\\tokens\\a', '/srv/tokens', 'http://host:80/a@b'], []],
])('%s', (_, args, secrets) => {
  expect(secretsInArguments(args)).toEqual(secrets);
});
