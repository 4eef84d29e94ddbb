package main

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	azureauth "github.com/microsoft/kiota-authentication-azure-go"
	kiotahttp "github.com/microsoft/kiota-http-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

// connect gives a Graph client of the server at https://HOST:PORT, whose
// certificate is of one of the authorities.
func connect(server, tenantID, clientID, clientSecret string, authorities *x509.CertPool) (*graphcore.GraphRequestAdapterBase, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: authorities}
	credential, err := azidentity.NewClientSecretCredential(tenantID, clientID, clientSecret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: azcore.ClientOptions{
			Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: server},
			Transport: &http.Client{Transport: transport},
		},
		DisableInstanceDiscovery: true, // there is no directory of clouds to ask
	})
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	authentication, err := azureauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential,
		[]string{"https://graph.microsoft.com/.default"}, []string{address.Hostname()})
	if err != nil {
		return nil, err
	}
	options := graphcore.GraphClientOptions{GraphServiceVersion: "beta"}
	client := graphcore.GetDefaultClient(&options)
	client.Transport = kiotahttp.NewCustomTransportWithParentTransport(transport, graphcore.GetDefaultMiddlewaresWithOptions(&options)...)
	adapter, err := graphcore.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		authentication, options, nil, nil, client)
	if err != nil {
		return nil, err
	}
	adapter.SetBaseUrl(server + "/beta")
	return adapter, nil
}
