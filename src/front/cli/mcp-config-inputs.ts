// What a VS Code file asks its user for (`inputs`): taken from the environment, asked on a terminal, or the default. A gateway that
// starts unattended has nobody to ask and says which variable it wants.
import type { Environment } from '#base/config';

export interface InputRequest {
  readonly id: string;
  readonly description: string;
  readonly isSecret: boolean;
  readonly fallback: string | undefined;
  /** Undefined: any text. */
  readonly options: readonly string[] | undefined;
}

/** Shows a question and resolves with the line typed; a hidden answer is not echoed. */
export type Ask = (question: string, isHidden: boolean) => Promise<string>;

export interface Answers {
  readonly answers: ReadonlyMap<string, string>;
  /** Ids nobody could be asked for. */
  readonly unanswered: readonly string[];
}

/** The variable that answers `${input:id}` for a gateway without a terminal. */
export function variableOfInput(id: string): string {
  return `MCP_INPUT_${id.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;
}

/** What the file's `inputs` say of themselves; entries that cannot be used are left out and missed where they are used. */
export function readInputRequests(list: unknown): InputRequest[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { id, description, password, default: fallback, options } = entry as Record<string, unknown>;
    if (typeof id !== 'string') return [];
    return [
      {
        id,
        description: typeof description === 'string' ? description : id,
        isSecret: password === true,
        fallback: typeof fallback === 'string' ? fallback : undefined,
        options: Array.isArray(options) ? options.map((option) => textOfOption(option)).filter((option) => option !== undefined) : undefined,
      },
    ];
  });
}

/** One after the other, in the order of the file. */
export async function answerInputs(requests: readonly InputRequest[], env: Environment, ask: Ask | undefined): Promise<Answers> {
  const answers = new Map<string, string>();
  const unanswered: string[] = [];
  for (const request of requests) {
    const given = env[variableOfInput(request.id)];
    const answer = given !== undefined && given !== '' ? given : ask === undefined ? undefined : await ask(questionOf(request), request.isSecret);
    const value = answer === undefined || answer === '' ? request.fallback : answer;
    if (value === undefined) unanswered.push(request.id);
    else answers.set(request.id, value);
  }
  return { answers, unanswered };
}

function questionOf({ description, options, fallback }: InputRequest): string {
  const choice = options === undefined ? '' : ` (${options.join(', ')})`;
  return `${description}${choice}${fallback === undefined ? '' : ` [${fallback}]`}: `;
}

function textOfOption(option: unknown): string | undefined {
  if (typeof option === 'string') return option;
  const value = typeof option === 'object' && option !== null ? (option as Record<string, unknown>)['value'] : undefined;
  return typeof value === 'string' ? value : undefined;
}
