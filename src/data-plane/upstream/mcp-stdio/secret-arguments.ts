// Arguments are not secret as a rule, and hiding them all would make what a process says unreadable. But some servers take their
// credentials there, and only administrators are to see them; what looks like one is hidden as the environment is.
const SECRET_NAME = /(?:token|secret|password|passwd|pwd|passphrase|apikey|accesskey|secretkey|privatekey|credentials?|authorization|cookie)$/;

/** What of these arguments is a credential: `--api-key x`, `--token=x`, `-e API_KEY=x`, `Authorization: Bearer x`, the password of a URL. */
export function secretsInArguments(args: readonly string[]): string[] {
  return args.flatMap((arg, at) => {
    const before = args[at - 1];
    const isValue = before !== undefined && /^--?[A-Za-z][\w.-]*$/.test(before) && isSecretName(before) && !arg.startsWith('-');
    return [...(isValue ? [arg] : []), ...assigned(arg), ...passwords(arg)];
  });
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.replace(/[-_.]/g, '').toLowerCase());
}

function assigned(arg: string): string[] {
  const [, name, value] = /^([\w.-]{1,256})\s*[=:]\s*(.+)$/s.exec(arg) ?? [];
  if (name === undefined || value === undefined || !isSecretName(name)) return [];
  // Behind the name of a scheme stands what matters.
  const scheme = /^(?:Bearer|Basic)\s+/i.exec(value)?.[0] ?? '';
  return [value, ...(scheme === '' ? [] : [value.slice(scheme.length)])];
}

/** As it is written, and as whoever takes the URL apart prints it. */
function passwords(arg: string): string[] {
  const written = /^[\w.+-]{1,64}:\/\/[^\s/:@]*:([^\s/]+)@/.exec(arg)?.[1];
  if (written === undefined) return [];
  try {
    return [written, decodeURIComponent(written)];
  } catch {
    return [written];
  }
}
