import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { generateSecrets } from './secrets-file.ts';
import { weaknessOfPassword, weaknessOfSecret } from './weak-secret.ts';

it('processes that start at once agree on the secrets and leave no draft behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'secrets-'));
  try {
    const script = `import { keepSecrets } from ${JSON.stringify(new URL('./secrets-file.ts', import.meta.url).href)};
      process.stdin.once('data', () => { console.log(keepSecrets(process.argv[1]).secrets.jwtSecretKey); process.exit(); });
      console.error('ready');`;
    const children = Array.from({ length: 4 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script, join(folder, 'a.db.secrets.json')], { stdio: 'pipe' }),
    );
    await Promise.all(children.map((child) => once(child.stderr, 'data')));
    const answers = children.map(async (child) => String((await once(child.stdout, 'data'))[0]));
    const exits = children.map((child) => once(child, 'exit'));
    for (const child of children) child.stdin.write('go\n');
    expect(new Set(await Promise.all(answers)).size).toBe(1);
    await Promise.all(exits);
    expect(readdirSync(folder)).toEqual(['a.db.secrets.json']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

it('generated secrets pass our own judgement and are never the same', () => {
  const first = generateSecrets();
  expect(weaknessOfSecret(first.jwtSecretKey)).toBeUndefined();
  expect(weaknessOfSecret(first.authEncryptionSecret)).toBeUndefined();
  expect(weaknessOfPassword(first.basicAuthPassword)).toBeUndefined();
  expect(generateSecrets()).not.toEqual(first);
});
