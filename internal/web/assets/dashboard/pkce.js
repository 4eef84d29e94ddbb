// What the sign-in needs of cryptography and of tokens' form.

/** @param {Uint8Array} bytes @returns {string} in base64url, without padding */
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');

/** 256 random bits, as text. */
export const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** The challenge of RFC 7636, section 4.2. @param {string} verifier */
export async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))));
}

/** What an ID token says. It came from the token endpoint itself, so that its
 * signature need not be checked (OpenID Connect Core, section 3.1.3.7). @param {string} token */
export function claimsOf(token) {
  try {
    const body = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), (c) => c.charCodeAt(0))));
  } catch {
    return {};
  }
}

const leeway = 300; // s by which two clocks may differ

/** Which claim shows that an ID token is not for this sign-in, or null where none does
 * (OpenID Connect Core, section 3.1.3.7).
 * @param {any} claims @param {{issuer: string, clientId: string, nonce: string, now: number}} expected where now is in ms of the epoch */
export function faultOf(claims, { issuer, clientId, nonce, now }) {
  const audiences = [claims.aud].flat();
  if (claims.iss !== issuer) return 'iss';
  if (!audiences.includes(clientId)) return 'aud';
  if (claims.azp === undefined ? audiences.length > 1 : claims.azp !== clientId) return 'azp';
  if (claims.nonce !== nonce) return 'nonce';
  if (!(claims.exp + leeway > now / 1000)) return 'exp';
  return claims.sub ? null : 'sub';
}
