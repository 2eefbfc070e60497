// Prints what --help says for each command given, as a JSON list. A process of its own, because help is as wide as the terminal
// that asks for it: written to a pipe it is the same everywhere.
import { runCli, type CliCommands } from '../src/front/cli/index.ts';

/** Asking for help calls no command. */
const NOTHING: CliCommands = { serve: unasked, stdio: unasked, examine: unasked, migrate: unasked, issueToken: unasked, revokeToken: unasked };

async function unasked(): Promise<never> {
  throw new Error('A command ran although only its help was asked for.');
}

const texts: string[] = [];
for (const command of process.argv.slice(2)) {
  let text = '';
  const words = command.split(' ').filter((word) => word !== '');
  const print = (more: string): void => void (text += more);
  await runCli(['node', 'mcpgateway', ...words, '--help'], NOTHING, {
    env: {},
    cwd: '.',
    isTerminal: false,
    program: 'mcpgateway',
    commandWords: [],
    ask: undefined,
    out: print,
    err: print,
  });
  texts.push(text.trimEnd());
}
process.stdout.write(JSON.stringify(texts));
