// Puts the pieces of the REST front together, in the order a request meets them: ids and headers, credential, body, schema,
// handler, answer or error.
import fastify, { type FastifyInstance } from 'fastify';
import { addAnswerHeaders, correlationIdOf } from './answer-headers.ts';
import { addBodyParser } from './body-parser.ts';
import { createErrorAnswer } from './error-handler.ts';
import { addMissHandler } from './miss-handler.ts';
import { openApiRoute } from './openapi.ts';
import { registerRoute } from './register.ts';
import type { RestAppParts } from './rest-app-parts.ts';
import { createUriRewriter } from './uri-in-path.ts';

/** A parameter may be a URI, and those have up to 2048 characters. */
const PARAM_CHARS_MAX = 2048;

export async function buildRestApp(parts: RestAppParts): Promise<FastifyInstance> {
  const { settings, log } = parts;
  const answerError = createErrorAnswer(log);
  const app = fastify({
    logger: false,
    bodyLimit: settings.bodyBytesMax,
    genReqId: correlationIdOf,
    rewriteUrl: createUriRewriter(parts.routes),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: PARAM_CHARS_MAX },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
  });
  addAnswerHeaders(app, settings.hasSecurityHeaders);
  addBodyParser(app, settings.bodyBytesMax);
  app.setErrorHandler(answerError);

  const documented = [...parts.routes];
  const docs = openApiRoute(documented, settings);
  documented.push(docs);
  for (const route of documented) {
    const authenticator = route === docs ? (parts.docsAuthenticator ?? parts.authenticator) : parts.authenticator;
    registerRoute(app, route, { ...parts, authenticator });
  }
  addMissHandler(app, documented);
  await app.ready();
  return app;
}
