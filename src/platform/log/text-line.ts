// Log lines for people: one line an event, the fields behind the message.

interface LogEvent {
  readonly timestamp: string;
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** @param json one line as the JSON format writes it */
export function textLine(json: string): string {
  const { timestamp, level, message, ...fields } = JSON.parse(json) as LogEvent;
  const pairs = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`,
  );
  // A message may quote other people's texts; a line break or an escape in it must not forge a second line or colour the terminal.
  const line = [timestamp, level.padEnd(8), message, ...pairs]
    .join(' ')
    .replace(/[\p{Cc}\u2028\u2029]/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return `${line}\n`;
}
