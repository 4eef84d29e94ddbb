package main

import (
	"strings"
	"text/template"

	"plimsoll/internal/issuer"
	"plimsoll/internal/server"
)

// announcement is what serve prints once it listens.
type announcement struct {
	URL         string       `json:"url"`
	TenantID    string       `json:"tenantId"`
	CAFile      string       `json:"caFile,omitempty"`
	FirstClient *credentials `json:"firstClient,omitempty"`
	FirstUser   *invitation  `json:"firstAdministrator,omitempty"`
	Version     string       `json:"version"`
	Store       string       `json:"-"`
	Place       string       `json:"-"` // how commands name the store
	Now         string       `json:"-"`
}

// welcome shows how to reach the server, and on a new store how to carry out
// the founding operation, ready to paste.
const welcome = `Plimsoll {{.Version}} listens on {{.URL}}
  page     {{.URL}}/
  API      {{.URL}}/beta/deviceManagement/deviceComplianceScripts
  tokens   {{.URL}}/{{.TenantID}}/oauth2/v2.0/token
  store    {{.Store}}
{{- if .CAFile}}
  CA file  {{.CAFile}}
{{- end}}
{{if .FirstUser}}
Nobody has signed in yet. Open this link: it sets the password of the user {{.FirstUser.Name}}, once, within three days:
  {{.FirstUser.URL}}
{{end}}
{{- if .FirstClient}}
This store is new. Here is its first client; the secret is shown only now:
  tenant id      {{.TenantID}}
  client id      {{.FirstClient.ClientID}}
  client secret  {{.FirstClient.ClientSecret}}

Paste this into another shell to get a token, create a script, and report a run summary:

  TOKEN=$(curl -sS {{.CURL}}{{.URL}}/{{.TenantID}}/oauth2/v2.0/token \
    -d grant_type=client_credentials -d client_id={{.FirstClient.ClientID}} \
    -d client_secret={{.FirstClient.ClientSecret}} \
    -d scope=https://graph.microsoft.com/.default | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

  SCRIPT=$(curl -sS {{.CURL}}{{.URL}}/beta/deviceManagement/deviceComplianceScripts \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{"displayName": "Disk encryption"}' | sed 's/.*"id":"\([^"]*\)".*/\1/')

  curl -sS -i {{.CURL}}{{.URL}}/beta/deviceManagement/deviceComplianceScripts/$SCRIPT/runSummary \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{
      "noIssueDetectedDeviceCount": 97, "issueDetectedDeviceCount": 2,
      "detectionScriptErrorDeviceCount": 1, "detectionScriptPendingDeviceCount": 0,
      "lastScriptRunDateTime": "{{.Now}}"}'
{{else}}
To make a client, and to get it a token:
  plimsoll client create {{.Place}} --name NAME --permission DeviceManagementConfiguration.ReadWrite.All
  plimsoll token --server {{.URL}} {{if .CAFile}}--ca {{.CAFile}} {{end}}--client-id ID
{{end}}`

// CURL is what curl needs to trust the server.
func (n announcement) CURL() string {
	if n.CAFile == "" {
		return ""
	}
	return "--cacert '" + n.CAFile + "' "
}

func (a *app) announce(listener *server.Server, tenantID string, first *issuer.Credentials, invited *invitation) error {
	n := announcement{
		URL: listener.URL(), TenantID: tenantID, CAFile: listener.CAFile(), Version: version,
		Store: a.storeName(), Place: "--data " + a.Data, Now: stamp(a.now()), FirstUser: invited,
	}
	if a.Store != "" {
		n.Place = "--store ADDRESS" // it may hold a password
	}
	if first != nil {
		n.FirstClient = &credentials{tenantID, first.ClientID, first.Secret}
	}
	var text strings.Builder
	if err := template.Must(template.New("welcome").Parse(welcome)).Execute(&text, n); err != nil {
		return err
	}
	return a.print(n, text.String())
}
