// Lets web pages of allowed origins read answers (Fetch Standard, CORS protocol). Who may send at all is request-guard.ts.
import type { IncomingMessage, ServerResponse } from 'node:http';

const METHODS = 'GET, POST, PUT, DELETE, OPTIONS';
const HEADERS =
  'Authorization, Content-Type, Accept, Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name, Last-Event-ID, X-Correlation-ID, X-Request-ID, X-Upstream-Authorization';
const EXPOSED = 'Content-Length, Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After, X-Correlation-ID, X-Request-ID';

/**
 * Adds the headers for a request that has passed the guard. Answers a preflight itself and then returns true.
 * @param isAnyOrigin ALLOWED_ORIGINS has `*`
 */
export function answerCors(req: IncomingMessage, res: ServerResponse, isAnyOrigin: boolean): boolean {
  const { origin } = req.headers;
  if (origin === undefined) return false;
  if (isAnyOrigin) res.setHeader('Access-Control-Allow-Origin', '*');
  else {
    // Only for pages that were named: any page at all must not act with what the browser remembers.
    res.setHeader('Access-Control-Allow-Origin', origin);
    res.setHeader('Access-Control-Allow-Credentials', 'true');
    res.setHeader('Vary', 'Origin');
  }
  if (req.method === 'OPTIONS' && req.headers['access-control-request-method'] !== undefined) {
    const asked = req.headers['access-control-request-headers'];
    // Mcp-Param-* headers cannot be listed beforehand.
    const params =
      typeof asked === 'string'
        ? asked
            .split(',')
            .map((name) => name.trim())
            .filter((name) => /^mcp-param-[\w-]+$/i.test(name))
        : [];
    res.setHeader('Access-Control-Allow-Methods', METHODS);
    res.setHeader('Access-Control-Allow-Headers', [HEADERS, ...params].join(', '));
    res.setHeader('Access-Control-Max-Age', '600');
    res.writeHead(204).end();
    return true;
  }
  res.setHeader('Access-Control-Expose-Headers', EXPOSED);
  return false;
}
