// What a client wrote, message by message: one, or an array of them.
import { AppError, toAppError } from '#base/kernel';
import { batchElements, isBatch, scanMessage, type Envelope } from '#base/protocol';

const BATCH_MAX = 100;

export type LineInput = { readonly text: string; readonly envelope: Envelope } | { readonly text: string; readonly fault: AppError };

/**
 * @param text its bytes as latin1
 * Throws AppError `request.malformed_json`, `request.invalid` or `request.ambiguous` when it is nothing that can be taken apart; an
 * element of an array has its own fault.
 */
export function readInput(text: string): LineInput[] {
  if (!isBatch(text)) return [{ text, envelope: scanMessage(text) }];
  const elements = batchElements(text);
  if (elements.length === 0) throw new AppError('request.invalid', 'The batch is empty.');
  if (elements.length > BATCH_MAX) throw new AppError('request.invalid', `A batch may have ${BATCH_MAX} elements, this one has ${elements.length}.`);
  return elements.map((element) => {
    try {
      return { text: element, envelope: scanMessage(element) };
    } catch (error) {
      return { text: element, fault: toAppError(error) };
    }
  });
}
