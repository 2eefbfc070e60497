export { createAddressGuard, type AddressGuard, type GuardSettings } from './address-guard.ts';
export {
  createOutbound,
  type Lane,
  type Outbound,
  type OutboundRequest,
  type OutboundSettings,
  type ResponseController,
  type ResponseHandler,
} from './outbound.ts';
