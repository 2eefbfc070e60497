// The placeholders that clients know in their configuration files: ${env:NAME} and ${workspaceFolder} (VS Code, Cursor),
// ${input:id} (VS Code), ${NAME} and ${NAME:-default} (Claude Code). What none of them knows stays as it stands, for a program
// may mean it.
import { basename, sep } from 'node:path';

export interface Places {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder the file speaks of: its own, or the project's when it lies in .vscode or .cursor. */
  readonly workspaceFolder: string;
  readonly homeFolder: string;
  /** Answers to ${input:id}, by id. */
  readonly answers: ReadonlyMap<string, string>;
}

const PLACEHOLDER = /\$\{([^{}]*)\}/g;

/** @param fault told for each placeholder that has no value; the placeholder stays then */
export function fillIn(text: string, places: Places, fault: (problem: string) => void): string {
  return text.replace(PLACEHOLDER, (whole, inner: string) => {
    const outcome = valueOf(inner, places);
    if (outcome === undefined) return whole;
    if ('value' in outcome) return outcome.value;
    fault(outcome.problem);
    return whole;
  });
}

/** Ids of ${input:…} anywhere in a value. */
export function inputIdsIn(value: unknown): string[] {
  const text = JSON.stringify(value) ?? '';
  return [...new Set([...text.matchAll(/\$\{input:([^{}]*)\}/g)].map(([, id]) => id ?? ''))];
}

type Outcome = { readonly value: string } | { readonly problem: string } | undefined;

function valueOf(inner: string, { env, workspaceFolder, homeFolder, answers }: Places): Outcome {
  switch (inner) {
    case 'workspaceFolder':
    case 'cwd':
      return { value: workspaceFolder };
    case 'workspaceFolderBasename':
      return { value: basename(workspaceFolder) };
    case 'userHome':
      return { value: homeFolder };
    case 'pathSeparator':
    case '/':
      return { value: sep };
  }
  if (inner.startsWith('input:')) {
    const id = inner.slice('input:'.length);
    const value = answers.get(id);
    return value === undefined ? { problem: `\${${inner}} has no entry in "inputs"; add one with "id": ${JSON.stringify(id)}` } : { value };
  }
  if (/^(command|config):/.test(inner)) return { problem: `\${${inner}} is known to the editor only; write the value itself or \${env:NAME}` };
  const [, name, fallback] = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(inner) ?? [];
  if (name === undefined) return undefined;
  const value = env[name] === undefined || (env[name] === '' && fallback !== undefined) ? fallback : env[name];
  return value === undefined ? { problem: `\${${inner}} has no value: set ${name} in the environment of the gateway` } : { value };
}
