package main

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestDemo starts all of the product at once, and once more on what is there then.
func TestDemo(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	store := "sqlite:" + data + "/plimsoll.db"
	begin := time.Now()
	s := signedIn(t, store, "--demo", "--data", data)
	shown := "Disk encryption "
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.log.String(), shown); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(s.log)
		}
	}
	t.Logf("shown after %s", time.Since(begin))
	list := s.must(t, http.StatusOK, "GET", scripts+"?$expand=runSummary&$orderby=displayName", "")
	found, _ := list.json["value"].([]any)
	if len(found) != 3 {
		t.Fatal(list.text)
	}
	for _, one := range found {
		summary, _ := one.(map[string]any)["runSummary"].(map[string]any)
		ran := summary["noIssueDetectedDeviceCount"].(float64) + summary["issueDetectedDeviceCount"].(float64) + summary["detectionScriptErrorDeviceCount"].(float64)
		if ran != 1 || summary["detectionScriptPendingDeviceCount"] != 0.0 {
			t.Errorf("%v", one)
		}
	}
	if tokens := s.must(t, http.StatusOK, "GET", "/deviceManagement/enrollmentTokens", "").text; !strings.Contains(tokens, `"revokedDateTime":"`) {
		t.Errorf("the token by which the machine came still holds: %s", tokens)
	}
	s.stop(t)
	again := startServer(t, store, "--demo", "--data", data)
	again.token = again.signIn(t, s.FirstClient)
	for deadline := time.Now().Add(time.Minute); !strings.Contains(again.log.String(), shown); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal(again.log)
		}
	}
	if n := again.must(t, http.StatusOK, "GET", scripts+"/$count", "").text; n != "3" {
		t.Errorf("%s scripts", n)
	}
	if n := again.must(t, http.StatusOK, "GET", "/deviceManagement/managedDevices/$count", "").text; n != "1" {
		t.Errorf("%s devices", n)
	}
}
