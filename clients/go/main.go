// The Microsoft Graph SDK for Go against a Plimsoll server, which the
// environment names.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	kiota "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	textserialization "github.com/microsoft/kiota-serialization-text-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

func main() {
	kiota.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory {
		return jsonserialization.NewJsonSerializationWriterFactory()
	})
	kiota.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory { return jsonserialization.NewJsonParseNodeFactory() })
	kiota.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory { return textserialization.NewTextParseNodeFactory() })
	ok, err := run(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context) (bool, error) {
	for _, key := range []string{graphcore.PageIteratorErrorRegistryKey, graphcore.BatchRequestErrorRegistryKey} {
		if err := graphcore.RegisterError(key, refusals); err != nil {
			return false, err
		}
	}
	c, err := newClient(os.Getenv("PLIMSOLL_CLIENT_SECRET"))
	if err != nil {
		return false, err
	}
	w := &walk{client: c}
	return runAll(ctx, []step{
		{"token", w.token},
		{"wrong secret", w.wrongSecret},
		{"create script", w.createScript},
		{"post run summary", w.postRunSummary},
		{"patch run summary", w.patchRunSummary},
		{"select", w.selected},
		{"expand runSummary", w.expanded},
		{"expand with select", w.expandedSelection},
		{"create 25 scripts", w.createFleet},
		{"filter", w.filtered},
		{"orderby, top and count", w.ordered},
		{"search", w.searched},
		{"PageIterator", w.pages},
		{"PageIterator with maxpagesize", w.pagesAsPreferred},
		{"$count", w.counted},
		{"batch", w.batch},
		{"batch with queries", w.batchOfQueries},
		{"batch with a dependency that fails", w.batchWithFailure},
		{"delta", w.delta},
		{"content", w.content},
		{"content raw", w.rawContent},
		{"error 404", w.notFound},
		{"error 400", w.badRequest},
		{"error 401", w.unauthorized},
		{"error 412", w.preconditionFailed},
		{"delete", w.deleted},
		{"version v1.0", w.firstVersion},
	}), nil
}

func newClient(secret string) (client, error) {
	authority, err := os.ReadFile(os.Getenv("PLIMSOLL_CA_FILE"))
	if err != nil {
		return client{}, err
	}
	authorities := x509.NewCertPool()
	authorities.AppendCertsFromPEM(authority)
	adapter, err := connect(os.Getenv("PLIMSOLL_SERVER"), os.Getenv("PLIMSOLL_TENANT_ID"), os.Getenv("PLIMSOLL_CLIENT_ID"), secret, authorities)
	return client{adapter}, err
}

// walk is what the steps share.
type walk struct {
	client

	script *script
	fleet  []*script // 25, of which each third has a summary
}

func (w *walk) all() []*script { return append([]*script{w.script}, w.fleet...) }

func sortedIDs(list []*script) string {
	var ids []string
	for _, s := range list {
		ids = append(ids, value(s.ID))
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

func names(list []*script) string {
	var names []string
	for _, s := range list {
		names = append(names, value(s.DisplayName))
	}
	return strings.Join(names, " ")
}

// refused checks that an error is the refusal that was to come.
func refused(err error, status int, code, message string) error {
	var refusal *odataError
	if !errors.As(err, &refusal) {
		return fmt.Errorf("%w (%T), want a refusal with %d", err, err, status)
	}
	if refusal.ResponseStatusCode != status || value(refusal.Code) != code || !strings.Contains(value(refusal.Message), message) {
		return fmt.Errorf("%w, want %d %s: …%s…", refusal, status, code, message)
	}
	return same("the request's id is given", len(value(refusal.RequestID)), 36)
}
