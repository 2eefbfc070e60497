// Requests that no route took: nothing at this path, or something that does not take this method (RFC 9110 §15.5.6).
import type { FastifyInstance } from 'fastify';
import { AppError } from '#base/kernel';
import type { RouteSpec } from '#control-plane/http-contract';

export function addMissHandler(app: FastifyInstance, routes: readonly RouteSpec[]): void {
  const patterns = routes.map((route) => ({
    method: route.method,
    pattern: new RegExp(
      `^${route.isUnversioned === true ? '' : '(?:/v1)?'}${route.path
        .replace(/\/$/, '')
        .replace(/[.]/g, '\\.')
        .replace(/:[a-z_]+/gi, '[^/]+')}/?$`,
    ),
  }));
  app.setNotFoundHandler(async (request) => {
    const path = request.url.split('?', 1)[0] ?? '';
    const methods = new Set<string>();
    for (const { method, pattern } of patterns) {
      if (!pattern.test(path)) continue;
      methods.add(method);
      if (method === 'GET') methods.add('HEAD');
    }
    if (methods.size === 0) throw new AppError('route.not_found', 'Not Found');
    const allow = [...methods].join(', ');
    throw new AppError('request.method_not_allowed', 'Method Not Allowed', { data: { allow } });
  });
}
