import { ClientSecretCredential } from "@azure/identity";
import { Client } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

// connect gives a Graph client of the server at https://HOST:PORT.
export function connect(server, tenantId, clientId, clientSecret) {
  const credential = new ClientSecretCredential(tenantId, clientId, clientSecret, {
    authorityHost: server,
    disableInstanceDiscovery: true, // there is no directory of clouds to ask
  });
  return Client.initWithMiddleware({
    baseUrl: server,
    defaultVersion: "beta",
    customHosts: new Set([new URL(server).hostname]), // else no token is sent there
    authProvider: new TokenCredentialAuthenticationProvider(credential, {
      scopes: ["https://graph.microsoft.com/.default"],
    }),
  });
}
