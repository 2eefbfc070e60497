// Arguments of a tool that travel in headers too, so that what lies between can route by them: which ones a tool declares, the headers
// for a call, and whether a call's headers say what its body says (MCP 2026-07-28 "Custom headers from tool parameters", SEP-2243).
import { AppError } from '#base/kernel';
import { headerText, headerValue } from './header-value.ts';
import { parsedJson, valueAt } from './splice.ts';

/** One argument that has to stand in a header. */
export interface ParamHeader {
  /** `mcp-param-…`, lower case. */
  readonly header: string;
  /** Names of properties, from `arguments` down. */
  readonly path: readonly string[];
}

export interface ParamDeclarations {
  /** Empty when there are none, and when one is wrong: then none holds. */
  readonly params: readonly ParamHeader[];
  /** Why clients over HTTP have to leave the tool out; undefined when they need not. */
  readonly fault: string | undefined;
}

const KEYWORD = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);
/** Their values are data, in which the keyword means nothing. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);
/** Their values are objects whose names are the author's, not keywords. */
const MAP_KEYWORDS: ReadonlySet<string> = new Set(['patternProperties', '$defs', 'definitions', 'dependentSchemas', 'dependencies']);
const DEPTH_MAX = 100;
const DECIMAL = /^-?\d+(?:\.\d+)?$/;
const NO_DECLARATIONS: ParamDeclarations = { params: [], fault: undefined };

/** Most tools have no such keyword, in whatever spelling, and are not looked into. */
const MAY_DECLARE = /mcp-header|\\u00/i;

/** @param tool as its server lists it, as JSON */
export function toolParams(tool: string): ParamDeclarations {
  if (!MAY_DECLARE.test(tool)) return NO_DECLARATIONS;
  return paramDeclarations((JSON.parse(tool) as { inputSchema?: unknown } | null)?.inputSchema);
}

/** @param inputSchema a tool's, parsed */
export function paramDeclarations(inputSchema: unknown): ParamDeclarations {
  const params: ParamHeader[] = [];
  const fault = read(inputSchema, [], true, 0, params) ?? repeated(params);
  if (fault !== undefined) return { params: [], fault };
  return params.length === 0 ? NO_DECLARATIONS : { params, fault: undefined };
}

/**
 * The headers for a call, flat names and values. What is absent, null or no text, number or truth value has none.
 * @param body the request as latin1
 */
export function paramHeaders(params: readonly ParamHeader[], body: string): string[] {
  const args = valueAt(body, ARGUMENTS);
  return params.flatMap(({ header, path }) => {
    const text = args === undefined ? undefined : textOf(argument(args, path));
    return text === undefined ? [] : [header, headerValue(text)];
  });
}

/**
 * Throws AppError `header.mismatch` when a declared header is missing, says something else than the body, or says something of which
 * the body has nothing: whoever routed by it was told what is not so. Others are not looked at.
 * @param headers flat names, lower case, and values
 * @param body the request as latin1
 */
export function checkParamHeaders(params: readonly ParamHeader[], headers: readonly string[], body: string): void {
  const args = valueAt(body, ARGUMENTS);
  for (const { header, path } of params) {
    const sent = headerIn(headers, header);
    const value = args === undefined ? undefined : argument(args, path);
    const where = `\`arguments.${path.join('.').slice(0, SHOWN_CHARS)}\``;
    if (value === undefined || value === null) {
      if (sent !== undefined) throw mismatch(`The header ${header} is for ${where}, which the body does not have.`);
      continue;
    }
    const text = textOf(value);
    // Not of the declared type: that is for the tool to refuse.
    if (text === undefined) continue;
    if (sent === undefined) throw mismatch(`The header ${header} is missing; it has to say what ${where} says.`);
    const said = headerText(sent.trim());
    if (said === undefined) throw mismatch(`The header ${header} is not valid Base64 of UTF-8 inside its wrapper.`);
    if (!agrees(said, text, typeof value === 'number')) {
      const quoted = [said, text].map((each) => JSON.stringify(each.slice(0, SHOWN_CHARS)));
      throw mismatch(`The header ${header} says ${quoted[0]}, ${where} says ${quoted[1]}.`);
    }
  }
}

/** The value of a header by its lower-case name in flat names and values. */
export function headerIn(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) if (headers[at] === name) return headers[at + 1];
  return undefined;
}

const ARGUMENTS = ['params', 'arguments'];
const SHOWN_CHARS = 200;

/** Adds what a schema declares; returns what is wrong with it. */
function read(schema: unknown, path: readonly string[], isReachable: boolean, depth: number, into: ParamHeader[]): string | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  if (depth > DEPTH_MAX) return 'its input schema is nested too deeply';
  if (Array.isArray(schema)) return firstFault(schema, (each) => read(each, path, false, depth + 1, into));
  const own = schema as Record<string, unknown>;
  if (Object.hasOwn(own, KEYWORD)) {
    const fault = declarationFault(own, isReachable && path.length > 0);
    if (fault !== undefined) return fault;
    into.push({ header: `mcp-param-${String(own[KEYWORD]).toLowerCase()}`, path });
  }
  return firstFault(Object.entries(own), ([keyword, value]) => {
    if (keyword === KEYWORD || DATA_KEYWORDS.has(keyword) || typeof value !== 'object' || value === null) return undefined;
    if (keyword === 'properties')
      return firstFault(Object.entries(value), ([name, each]) => read(each, [...path, name], isReachable, depth + 1, into));
    if (MAP_KEYWORDS.has(keyword)) return firstFault(Object.values(value), (each) => read(each, path, false, depth + 1, into));
    return read(value, path, false, depth + 1, into);
  });
}

function declarationFault(schema: Record<string, unknown>, isReachable: boolean): string | undefined {
  const name = schema[KEYWORD];
  if (!isReachable)
    return `it has an ${KEYWORD} where no argument can be named: only properties of the arguments, and of objects in them, may have one`;
  if (typeof name !== 'string' || !TOKEN.test(name)) return `an ${KEYWORD} of it is no name for a header`;
  if (!TYPES.has(schema['type'])) return `the ${KEYWORD} ${name.slice(0, SHOWN_CHARS)} is not at a string, an integer or a boolean`;
  return undefined;
}

function repeated(params: readonly ParamHeader[]): string | undefined {
  const names = new Set(params.map(({ header }) => header));
  return names.size === params.length ? undefined : `two arguments have the same ${KEYWORD}`;
}

function firstFault<T>(all: readonly T[], faultOf: (each: T) => string | undefined): string | undefined {
  for (const each of all) {
    const fault = faultOf(each);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function argument(args: string, path: readonly string[]): unknown {
  const text = valueAt(args, path);
  if (text === undefined) return undefined;
  return text.startsWith('{') || text.startsWith('[') ? NO_SCALAR : parsedJson(text);
}

/** An argument that is an object or array, which no header can say. */
const NO_SCALAR: unique symbol = Symbol('no scalar');

function textOf(value: unknown): string | undefined {
  // Half a surrogate pair has no UTF-8, so that no header could say it.
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'boolean') return String(value);
  // Beyond 2^53 readers of JSON differ about which number it is.
  if (typeof value === 'number' && Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return String(value);
  return undefined;
}

function agrees(said: string, text: string, isNumber: boolean): boolean {
  return said === text || (isNumber && DECIMAL.test(said) && Number(said) === Number(text));
}

function mismatch(message: string): AppError {
  return new AppError('header.mismatch', message);
}
