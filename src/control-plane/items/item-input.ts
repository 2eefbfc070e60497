// The bodies of PUT /tools, /resources and /prompts: what people write over an upstream's words (api.md 2.4.2, 2.5.1, 2.6.1). Other
// fields of the contract are taken and not applied, since clients send back the whole entity they have read.
import { z } from 'zod';
import { description, displayText, tagsField, visibility } from '#control-plane/http-contract';

const ANNOTATIONS_CHARS_MAX = 16_384;

const fields = {
  name: displayText.nullable().optional().describe('A name of your own; what is published follows it.'),
  title: displayText.nullable().optional().describe('null gives the upstream’s back, as for the next two.'),
  description: description.nullable().optional(),
  annotations: z
    .record(z.string(), z.unknown())
    .refine((given) => JSON.stringify(given).length <= ANNOTATIONS_CHARS_MAX, `Annotations are at most ${ANNOTATIONS_CHARS_MAX} characters of JSON.`)
    .nullable()
    .optional(),
  tags: tagsField.nullable().optional(),
  visibility: visibility.nullable().optional(),
};

export const namedItemUpdate = z.object({
  ...fields,
  customName: displayText.nullable().optional(),
  displayName: displayText.nullable().optional(),
});

export const resourceUpdate = z.object({
  ...fields,
  uri: z.string().max(2048).nullable().optional().describe('The upstream’s; it cannot be changed.'),
});

export interface ItemUpdate extends z.output<typeof namedItemUpdate> {
  readonly uri?: string | null | undefined;
}
