// What a child sees of the gateway's environment: what programs need to run at all, and nothing that holds a secret of the gateway.
type Variables = Readonly<Record<string, string | undefined>>;

const POSIX_NAMES = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'TERM', 'TMPDIR', 'TZ'];
const WINDOWS_NAMES = [
  'PATH',
  'PATHEXT',
  'COMSPEC',
  'SYSTEMROOT',
  'SYSTEMDRIVE',
  'WINDIR',
  'OS',
  'PROCESSOR_ARCHITECTURE',
  'NUMBER_OF_PROCESSORS',
  'USERNAME',
  'USERPROFILE',
  'HOMEDRIVE',
  'HOMEPATH',
  'APPDATA',
  'LOCALAPPDATA',
  'PROGRAMDATA',
  'PROGRAMFILES',
  'PROGRAMFILES(X86)',
  'COMMONPROGRAMFILES',
  'TEMP',
  'TMP',
  'LANG',
  'TZ',
];

/**
 * @param own the gateway's environment
 * @param furtherNames of variables of `own` that may pass as well
 * @param given what the gateway's entity says; it wins
 */
export function childEnvironment(
  own: Variables,
  furtherNames: readonly string[],
  given: Readonly<Record<string, string>>,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  // Windows has one PATH, however it is spelt.
  const fold = (name: string): string => (platform === 'win32' ? name.toUpperCase() : name);
  const passes = new Set([...(platform === 'win32' ? WINDOWS_NAMES : POSIX_NAMES), ...furtherNames].map(fold));
  const isGiven = new Set(Object.keys(given).map(fold));
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(own)) {
    const folded = fold(name);
    if (value === undefined || isGiven.has(folded) || !(passes.has(folded) || folded.startsWith('LC_'))) continue;
    // A function exported by a shell is code, not a value.
    if (!value.startsWith('()')) result[name] = value;
  }
  return { ...result, ...given };
}
