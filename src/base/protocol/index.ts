export { downLevelAsk, type OlderAsk } from './down-level-ask.ts';
export { downLevelResult, hasNewerContent, type OlderClient } from './down-level.ts';
export { headerText, headerValue } from './header-value.ts';
export { isLegacyVersion, LEGACY_VERSIONS, LINKS_SINCE, MODERN_VERSION, NEWEST_LEGACY_VERSION, TOOLS_IN_SAMPLING_SINCE } from './versions.ts';
export { filterListResult, listItems } from './list-filter.ts';
export { isLimited, isRemovedMethod, isSafeToRepeat, routingKeys } from './methods.ts';
export { checkParamHeaders, paramDeclarations, paramHeaders, type ParamDeclarations, toolParams, type ParamHeader } from './param-headers.ts';
export { rpcErrorText } from './rpc-errors.ts';
export { batchElements, isBatch, scanMessage, type Envelope } from './scan.ts';
export { mcpSchema, type McpSchema, type SchemaFault } from './schema/mcp-schema.ts';
export {
  addMembers,
  appendElement,
  jsonText,
  mapElements,
  mapMembers,
  parsedJson,
  removeMember,
  removeMembers,
  replaceAt,
  setMember,
  valueAt,
} from './splice.ts';
export {
  type ClientNeed,
  type ItemKind,
  type ProcessSpec,
  type ReadItem,
  type ReadStep,
  type SkippedItem,
  type UpstreamDescription,
  type UpstreamHealth,
  type UpstreamHealthView,
  type UpstreamReader,
  type UpstreamState,
  type UpstreamTarget,
  type UpstreamTransport,
} from './upstream-reader.ts';
export { parseTraceparent, traceparentText, type TraceParent } from './trace-context.ts';
export { matcherOf, plainUri, wideMatcherOf, type UriMatcher } from './uri-template.ts';
