export { createAuthenticator, type AuthenticatorPorts } from './authenticator.ts';
export { signToken, type TokenSpec } from './sign-token.ts';
export { createTokenService, type TokenService } from './token-service.ts';
export { TOKEN_ALGORITHMS, type TokenAlgorithm, type TokenSettings } from './token-settings.ts';
