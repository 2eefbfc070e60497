// A request of the gateway's own to a modern upstream and its whole answer, awaited, however large it is: tasks/get has the result inside.
import { AppError } from '#base/kernel';
import type { AnswerSink, UpstreamCall } from '#data-plane/gateway';
import { Attempt } from '../legacy-client/attempt.ts';
import { isReadable } from './task-forms.ts';

export interface WholeAnswer {
  /** As latin1. Rejects with AppError. */
  readonly text: Promise<string>;
  /** Nobody wants it any more; `text` is never settled. */
  cancel(): void;
}

/** @param upstreamName for errors */
export function wholeAnswer(upstreamName: string, send: (sink: AnswerSink) => UpstreamCall): WholeAnswer {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const owner = {
    streams() {},
    said: () => true,
    answered(text: string) {
      if (isReadable(text)) resolve(text);
      else reject(new AppError('upstream.bad_answer', `Gateway "${upstreamName}" answered with something that cannot be read.`));
    },
    failed: (error: AppError) => reject(error),
  };
  const attempt = new Attempt(owner, upstreamName);
  attempt.start(send);
  return { text: promise, cancel: () => attempt.cancel() };
}
