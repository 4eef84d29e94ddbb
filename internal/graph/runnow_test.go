package graph

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRunNowIsDescribed holds what $metadata says of the action to what is served.
func TestRunNowIsDescribed(t *testing.T) {
	t.Parallel()
	document, paths := metadataOf(t, beta)
	overloads, _ := at(document, namespace, "initiateOnDemandProactiveRemediation").([]any)
	if len(overloads) != 1 {
		t.Fatal(overloads)
	}
	action, _ := overloads[0].(object)
	want := []any{
		object{"$Name": "bindingParameter", "$Type": "microsoft.graph.managedDevice"},
		object{"$Name": "scriptPolicyId"},
	}
	if diff := cmp.Diff(want, action["$Parameter"]); diff != "" || action["$Kind"] != "Action" || action["$IsBound"] != true {
		t.Errorf("%v: %s", action, diff)
	}
	said, _ := action["@Capabilities.OperationRestrictions"].(object)
	for _, path := range []string{runNowPath, devicesPath + "/{id}/microsoft.graph.initiateOnDemandProactiveRemediation"} {
		op, served := paths[path][http.MethodPost]
		if !served {
			t.Fatal("nothing is served at " + path)
		}
		tryPermissions(t, path, said, op)
	}
}
