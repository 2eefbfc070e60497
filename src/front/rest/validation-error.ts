// What a schema found, in the contract's list form (api.md 1.7). Values are never repeated: they may be secrets.
import type { z } from 'zod';
import { AppError } from '#base/kernel';

export type InputPart = 'path' | 'query' | 'body';

export interface FieldFault {
  readonly type: string;
  readonly loc: readonly (string | number)[];
  readonly msg: string;
}

const FAULTS_MAX = 50;

export function validationError(issues: readonly z.core.$ZodIssue[]): AppError {
  const errors = issues.slice(0, FAULTS_MAX).map(faultOf);
  const first = errors[0];
  const message =
    first === undefined ? 'The request does not fit the schema.' : `${first.loc.slice(1).join('.') || first.loc.join('.')}: ${first.msg}`;
  return new AppError('request.validation', message, { data: { errors } });
}

function faultOf(issue: z.core.$ZodIssue): FieldFault {
  // Of the branches of a union, the one that got furthest says most.
  if (issue.code === 'invalid_union') {
    const deepest = issue.errors.flat().sort((a, b) => b.path.length - a.path.length)[0];
    if (deepest !== undefined) return faultOf({ ...deepest, path: [...issue.path, ...deepest.path] });
  }
  const isMissing = issue.code === 'invalid_type' && issue.input === undefined && issue.message.endsWith(' undefined');
  return {
    type: isMissing ? 'missing' : issue.code,
    loc: issue.path.map((step) => (typeof step === 'number' ? step : String(step))),
    msg: isMissing ? 'This field is required.' : issue.message,
  };
}
