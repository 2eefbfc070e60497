// Which commands may be started. It keeps a slip or a hostile import from naming any program; it is no sandbox: most of the allowed
// commands run whatever their arguments say, which is why only administrators register stdio gateways (decisions.md 5).
import { AppError } from '#base/kernel';
import { printable } from './last-words.ts';

const SHOWN_MAX = 80;

/**
 * Throws AppError `upstream.command_refused`.
 * @param allowed names (looked up on PATH) and paths; only the very same path matches a path
 */
export function checkCommand(command: string, allowed: readonly string[], platform: NodeJS.Platform = process.platform): void {
  const fold = (name: string): string => (platform === 'win32' ? name.toLowerCase() : name);
  const given = fold(command);
  const isPath = /[/\\]/.test(command);
  const isListed = allowed.some((entry) => {
    const name = fold(entry);
    return name === given || (platform === 'win32' && !isPath && (given === `${name}.cmd` || given === `${name}.exe`));
  });
  if (isListed && command !== '') return;
  const shown = printable(command).slice(0, SHOWN_MAX);
  const names = allowed.length === 0 ? 'none' : allowed.join(', ');
  const hint = isPath ? 'A program given by its path must be listed with that very path.' : 'Arguments belong into args.';
  throw new AppError(
    'upstream.command_refused',
    `The command "${shown}" is not one this gateway may start. Allowed by MCPGATEWAY_STDIO_COMMANDS: ${names}. ${hint}`,
  );
}
