// What is known of one client, or of all that hold no session, besides the catalogue: where their tasks run and whose links they were given.
import type { LinkOwners } from './link-owners.ts';
import type { TaskOwners } from './task-owners.ts';

export interface ClientMemory {
  readonly tasks: TaskOwners;
  readonly links: LinkOwners;
}
