// Imported for its effect, before an SDK's SSE client: our tests run under the condition `source`, and the packages `eventsource`
// and `eventsource-parser` have exports of that name too, which Node refuses to load because they are TypeScript below
// node_modules. They get their builds.
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    nextResolve(
      specifier,
      specifier.startsWith('eventsource') ? { ...context, conditions: context.conditions.filter((name) => name !== 'source') } : context,
    ),
});
