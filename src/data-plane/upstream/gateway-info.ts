// How the gateway introduces itself to upstreams where no client does: the Implementation of `clientInfo`, as JSON text.
export const GATEWAY_INFO = '{"name":"mcpgateway","version":"1"}';
